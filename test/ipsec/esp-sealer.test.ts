import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { AEAD_BACKENDS, AeadBatch, AeadError } from '../../src/aead/index.js';
import { EspDrop, EspOpener, EspSealer, espBytes, espPadding, InboundSa, OutboundSa } from '../../src/ipsec/index.js';
import { ROOT } from '../repository.js';
import {
  aesKey,
  anyBytes,
  association,
  ciphers,
  dice,
  hex,
  keymat,
  MASK,
  NO_MASK,
  open,
  openByHand,
  sealByHand,
  seal,
  unhex,
  withTrailer,
} from './build.js';

/** A packet like Swarm's, computed independently of this code (RFC 4106; SPI, salt and header as Docker makes them). */
const VECTOR = {
  key: unhex('43821b91e82886d2f3c6bfe1afcd9bdc'),
  payload: unhex('c00012b500220000 0800000000100100 02420a000003 02420a000002 0800 deadbeef'),
  packet:
    '1f279ba7000000010000000000000001' +
    '4d07a464f11fb3ee631dc4551e6b50a953a06c9f64fcc01242575a52d02881801038a844' +
    '405ed4e0f05ea97e',
};

for (const aead of ciphers()) {
  describe(`EspSealer, ${aead.name}`, () => {
    test('RFC 4106: a packet like Swarm’s, byte for byte, both ways', () => {
      const sa = association({ keymat: keymat(VECTOR.key) });
      const { packet } = seal(new EspSealer(aead), new OutboundSa(sa, aead, { ivMask: NO_MASK }), VECTOR.payload);
      assert.equal(packet.length, 60);
      assert.equal(hex(packet), VECTOR.packet);
      assert.equal(open(new EspOpener(aead), new InboundSa(sa, aead), packet), EspDrop.None);
    });

    test('RFC 4303 section 2.4: payloads of 0 to 300 bytes are padded with 1, 2, 3 to a multiple of 4', () => {
      const roll = dice(24);
      const sealer = new EspSealer(aead);
      const sa = new OutboundSa(association(), aead, { ivMask: MASK });
      for (let length = 0; length <= 300; length++) {
        const payload = anyBytes(roll, length);
        const { drop, packet } = seal(sealer, sa, payload, 17);
        assert.equal(drop, EspDrop.None);
        const padding = (4 - ((length + 2) % 4)) % 4;
        assert.deepEqual([espPadding(length), espBytes(length, 8)], [padding, 16 + length + padding + 2 + 8]);
        assert.equal(packet.length, espBytes(length, 8));
        const sequence = BigInt(length + 1);
        const plain = withTrailer(payload, 17);
        assert.equal(hex(openByHand({ sequence }, packet)), hex(plain));
        assert.equal(hex(packet), hex(sealByHand({ sequence, iv: packet.subarray(8, 16) }, plain)));
      }
    });

    test('RFC 4303 section 2.6: the next header is the one given', () => {
      const sealer = new EspSealer(aead);
      const sa = new OutboundSa(association(), aead, { ivMask: MASK });
      for (let nextHeader = 0; nextHeader < 256; nextHeader++) {
        const { packet } = seal(sealer, sa, new Uint8Array(6), nextHeader);
        assert.equal(openByHand({ sequence: BigInt(nextHeader + 1) }, packet)[7], nextHeader);
      }
    });

    test('RFC 4106 section 5: with ESN the additional data has 12 bytes, the high-order half in the middle', () => {
      const sealer = new EspSealer(aead);
      for (const [high, low] of [
        [0, 0],
        [0, 0xffffffff],
        [1, 41],
        [0x7fffffff, 0xffffffff],
        [0xdeadbeef, 0x12345678],
      ]) {
        for (const icvLength of [8, 12, 16]) {
          const sa = association({ esn: true, replayWindow: 64, icvLength });
          const outbound = new OutboundSa(sa, aead, { ivMask: MASK, sequence: { high, low } });
          const payload = new Uint8Array(30).fill(9);
          const { packet } = seal(sealer, outbound, payload);
          const sequence = BigInt(high) * 2n ** 32n + BigInt(low) + 1n;
          assert.equal(hex(openByHand({ sequence, esn: true, icvLength }, packet)), hex(withTrailer(payload, 17)));
          // The high-order half is covered by the ICV, but not transmitted.
          assert.equal(packet.length, espBytes(30, icvLength));
          assert.throws(() => openByHand({ sequence: sequence ^ (1n << 32n), esn: true, icvLength }, packet));
          assert.throws(() => openByHand({ sequence, esn: false, icvLength }, packet));
        }
      }
    });

    test('batches of any size give the same bytes as packets one by one', () => {
      const roll = dice(77);
      const payloads = Array.from({ length: 600 }, () => anyBytes(roll, roll(200)));
      const kinds = [
        association(),
        association({ spi: 2, keymat: keymat(aesKey(32)), icvLength: 16, esn: true, replayWindow: 64 }),
        association({ spi: 3, keymat: keymat(aesKey(24)), icvLength: 12 }),
      ];
      const pick = payloads.map(() => roll(kinds.length));
      const sealAll = (capacity: number, flushEach: boolean): string[] => {
        const sealer = new EspSealer(aead, capacity);
        const sas = kinds.map(
          (sa) => new OutboundSa(sa, aead, { ivMask: MASK, sequence: { high: 0, low: 0xfffffc00 } }),
        );
        const bytes = new Uint8Array(600 * 256);
        const ranges = payloads.map((payload, i) => {
          const at = i * 256 + 16;
          bytes.set(payload, at);
          assert.equal(sealer.push(sas[pick[i]], bytes, at, at + payload.length, 17, 0), EspDrop.None);
          const range = [sealer.espOffset, sealer.espEnd] as const;
          if (flushEach) sealer.flush();
          return range;
        });
        sealer.flush();
        for (const sa of sas) sa.close();
        return ranges.map(([from, to]) => hex(bytes.subarray(from, to)));
      };
      const expected = sealAll(1, true);
      assert.equal(new Set(expected).size, 600);
      for (const capacity of [1, 2, 7, 32, 33, 256, 1000]) assert.deepEqual(sealAll(capacity, false), expected);
    });

    test('bytes around the packet are unchanged', () => {
      const sa = new OutboundSa(association(), aead, { ivMask: MASK });
      for (let length = 0; length < 40; length++) {
        const bytes = new Uint8Array(200).fill(0xcc);
        const sealer = new EspSealer(aead);
        sealer.push(sa, bytes, 60, 60 + length, 17, 0);
        sealer.flush();
        assert.deepEqual([sealer.espOffset, sealer.espEnd], [44, 44 + espBytes(length, 8)]);
        assert.ok(bytes.subarray(0, 44).every((byte) => byte === 0xcc));
        assert.ok(bytes.subarray(sealer.espEnd).every((byte) => byte === 0xcc));
      }
    });

    test('too little room before or after is NoRoom, and leaves the bytes and the sequence number unchanged', () => {
      for (const icvLength of [8, 12, 16]) {
        const sa = new OutboundSa(association({ icvLength }), aead, { ivMask: MASK });
        const sealer = new EspSealer(aead);
        for (let length = 0; length < 12; length++) {
          const whole = espBytes(length, icvLength);
          const exact = new Uint8Array(whole).fill(0xcc);
          const tries = [
            () => sealer.push(sa, exact, 15, 15 + length, 17, 0),
            () => sealer.push(sa, exact, 0, length, 17, 0),
            () => sealer.push(sa, exact.subarray(0, whole - 1), 16, 16 + length, 17, 0),
            () => sealer.push(sa, exact, 17, 17 + length, 17, 0),
            () => sealer.push(sa, exact, 17, 16, 17, 0),
          ];
          const before = sa.sequenceLow;
          for (const attempt of tries) assert.equal(attempt(), EspDrop.NoRoom);
          assert.ok(exact.every((byte) => byte === 0xcc));
          assert.equal(sa.sequenceLow, before);
          assert.equal(sealer.push(sa, exact, 16, 16 + length, 17, 0), EspDrop.None);
          sealer.flush();
          assert.deepEqual([sealer.espOffset, sealer.espEnd], [0, whole]);
        }
      }
    });

    test('packets in another array, and those beyond the capacity, begin a new batch and all are sealed', () => {
      const sa = new OutboundSa(association(), aead, { ivMask: MASK });
      const sealer = new EspSealer(aead, 3);
      const arrays = [0, 0, 0, 0, 1, 2, 2, 1].map((which, i) => ({ which, i }));
      const stores = [0, 1, 2].map(() => new Uint8Array(8 * 64));
      for (const { which, i } of arrays) {
        assert.equal(sealer.push(sa, stores[which], i * 64 + 16, i * 64 + 36, 17, 0), EspDrop.None);
      }
      sealer.flush();
      for (const { which, i } of arrays) {
        const packet = stores[which].subarray(i * 64, i * 64 + espBytes(20, 8));
        assert.equal(hex(openByHand({ sequence: BigInt(i + 1) }, packet)), `${'00'.repeat(20)}01020211`);
      }
    });

    test('a flush with nothing pushed, and a second one, do nothing', () => {
      const sa = new OutboundSa(association(), aead, { ivMask: MASK });
      const sealer = new EspSealer(aead);
      sealer.flush();
      const bytes = new Uint8Array(100);
      sealer.push(sa, bytes, 16, 50, 17, 0);
      sealer.flush();
      const sealed = hex(bytes);
      sealer.flush();
      assert.equal(hex(bytes), sealed);
    });

    test('packets pushed before their SA was closed are still sealed, and none is accepted afterwards', () => {
      const sealer = new EspSealer(aead);
      const [closed, other] = [1, 2].map(() => new OutboundSa(association(), aead, { ivMask: MASK }));
      const bytes = new Uint8Array(200);
      const packets = [closed, other, closed].map((sa, i) => {
        assert.equal(sealer.push(sa, bytes, 16 + 60 * i, 18 + 60 * i, 17, 0), EspDrop.None);
        return [sealer.espOffset, sealer.espEnd];
      });
      const id = closed.key;
      closed.close();
      closed.close();
      assert.equal(sealer.push(closed, bytes, 16, 18, 17, 0), EspDrop.Expired);
      sealer.flush();
      packets.forEach(([start, end], i) => {
        assert.equal(hex(openByHand({ sequence: [1n, 1n, 2n][i] }, bytes.subarray(start, end))), '00000011');
      });
      // The key was removed with the last packet that needed it.
      const batch = new AeadBatch(1);
      batch.bytes = new Uint8Array(32);
      batch.count = 1;
      batch.key[0] = id;
      batch.icvLength[0] = 16;
      assert.throws(() => aead.seal(batch), { code: 'BAD_AEAD_BATCH' });
      other.close();
    });

    test('a cipher failure sends no cleartext: the payloads are wiped, and later packets are sealed', () => {
      const sealer = new EspSealer(aead);
      const [lost, sound, later] = [1, 2, 3].map(() => new OutboundSa(association(), aead, { ivMask: MASK }));
      const bytes = new Uint8Array(200).fill(0x77);
      sealer.push(lost, bytes, 16, 40, 17, 0);
      sealer.push(sound, bytes, 116, 140, 17, 0);
      // Without the SA noticing.
      aead.removeKey(lost.key);
      assert.throws(() => {
        sealer.flush();
      }, AeadError);
      for (const at of [16, 116]) assert.ok(bytes.subarray(at, at + 24).every((byte) => byte === 0));
      const { drop, packet } = seal(sealer, later, new Uint8Array(2));
      assert.equal(drop, EspDrop.None);
      assert.equal(hex(openByHand({ sequence: 1n }, packet)), '00000011');
    });
  });
}

/** Seals and opens repeatedly during garbage collections: memory that native code points to must stay. */
const COLLECTING = `
  const { AEAD_BACKENDS, AeadError } = await import(process.argv[1]);
  const { EspDrop, EspOpener, EspSealer, InboundSa, Keymat, OutboundSa } = await import(process.argv[2]);
  const association = { spi: 1, source: '10.0.0.1', destination: '10.0.0.2', mode: 'transport', icvLength: 16, esn: false,
    keymat: new Keymat(new Uint8Array(20).fill(7)), replayWindow: 0 };
  const ends = [];
  try {
    const { create } = AEAD_BACKENDS.find(({ name }) => name === process.argv[3]);
    for (let i = 0; i < 40; i++) {
      const aead = create();
      const outbound = new OutboundSa(association, aead, { ivMask: new Uint8Array(8) });
      const inbound = new InboundSa(association, aead);
      ends.push({ outbound, inbound, sealer: new EspSealer(aead), opener: new EspOpener(aead) });
    }
  } catch (error) {
    if (!(error instanceof AeadError)) throw error;
    console.log('UNAVAILABLE ' + error.message);
    process.exit(0);
  }
  for (let round = 0; round < 5; round++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
    // Reuses freed memory; nothing else may write there.
    const others = Array.from({ length: 5000 }, (_, i) => new Uint8Array(new ArrayBuffer(16 * (1 + (i % 20)))));
    for (const { outbound, inbound, sealer, opener } of ends) {
      const bytes = new Uint8Array(300);
      if (sealer.push(outbound, bytes, 16, 200, 17, 0) !== EspDrop.None) throw new Error('not sealed');
      sealer.flush();
      opener.push(inbound, bytes, sealer.espOffset, sealer.espEnd, 0);
      opener.flush();
      if (opener.drop[0] !== EspDrop.None) throw new Error('not opened');
    }
    if (others.some((piece) => piece.some((byte) => byte !== 0))) throw new Error('wrote into the memory of others');
  }
  console.log('DONE');
`;

describe('EspSealer and EspOpener during garbage collection', () => {
  for (const { name } of AEAD_BACKENDS) {
    test(`the cipher ${name} keeps working, and writes only to its own memory`, (t) => {
      const modules = ['aead', 'ipsec'].map((folder) => pathToFileURL(join(ROOT, 'dist/src', folder, 'index.js')).href);
      const run = spawnSync(
        process.execPath,
        ['--expose-gc', '--input-type=module', '-e', COLLECTING, '--', ...modules, name],
        { encoding: 'utf8' },
      );
      if (run.stdout.startsWith('UNAVAILABLE')) {
        t.skip(run.stdout.trim());
        return;
      }
      assert.deepEqual([run.signal, run.status, run.stdout.trim()], [null, 0, 'DONE'], run.stderr);
    });
  }
});
