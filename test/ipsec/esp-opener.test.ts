import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EspDrop, EspMode, EspOpener, InboundSa, type SecurityAssociation } from '../../src/ipsec/index.js';
import { join } from '../dataplane/build.js';
import {
  aesKey,
  anyBytes,
  association,
  ciphers,
  dice,
  hex,
  keymat,
  open,
  openBatch,
  sealByHand,
  withTrailer,
} from './build.js';

const UDP = 17;
const PAYLOAD = Uint8Array.from({ length: 20 }, (_, i) => i);

for (const aead of ciphers()) {
  const inbound = (parameters: Partial<SecurityAssociation> = {}): InboundSa =>
    new InboundSa(association(parameters), aead);

  describe(`EspOpener, ${aead.name}`, () => {
    test('RFC 4303 section 3.4.4: payloads of 0 to 300 bytes are returned without padding, trailer and ICV', () => {
      const roll = dice(12);
      const opener = new EspOpener(aead);
      for (const keyLength of [16, 24, 32] as const) {
        for (const icvLength of [8, 12, 16]) {
          const key = aesKey(keyLength);
          const sa = inbound({ keymat: keymat(key), icvLength, replayWindow: 64 });
          for (let length = 0; length <= 300; length++) {
            const payload = anyBytes(roll, length);
            const sequence = BigInt(length + 1);
            const iv = anyBytes(roll, 8);
            const packet = sealByHand({ sequence, key, icvLength, iv }, withTrailer(payload, UDP));
            const [result] = openBatch(opener, sa, [packet]);
            assert.deepEqual([result.drop, hex(result.payload), result.nextHeader], [EspDrop.None, hex(payload), UDP]);
            assert.deepEqual([opener.sequenceHigh[0], opener.sequenceLow[0]], [0, length + 1]);
          }
          assert.equal(sa.verified, 301);
        }
      }
    });

    test('RFC 4106 section 5: with ESN the inferred high-order half is authenticated, in 12 bytes of additional data', () => {
      const opener = new EspOpener(aead);
      const sa = inbound({ esn: true, replayWindow: 64 });
      const plain = withTrailer(PAYLOAD, UDP);
      const run = 2n ** 32n;
      for (const sequence of [1n, 2n ** 31n, run - 1n, run, run + 3n, run + 2n ** 31n, 2n * run + 1n, 2n * run - 2n]) {
        const [result] = openBatch(opener, sa, [sealByHand({ sequence, esn: true }, plain)]);
        assert.deepEqual([result.drop, hex(result.payload)], [EspDrop.None, hex(PAYLOAD)], `${sequence}`);
        assert.equal(BigInt(opener.sequenceHigh[0]), sequence >> 32n);
        assert.equal(BigInt(opener.sequenceLow[0] >>> 0), sequence % run);
      }
      const without = sealByHand({ sequence: 2n * run + 50n, esn: false }, plain);
      assert.equal(open(opener, sa, without), EspDrop.WrongIcv);
    });

    test('a packet shorter than header, IV, trailer and ICV is TooShort, at every length', () => {
      for (const icvLength of [8, 12, 16]) {
        const sa = inbound({ icvLength });
        const opener = new EspOpener(aead);
        const minimum = 8 + 8 + 2 + icvLength;
        const bytes = new Uint8Array(100);
        for (let length = 0; length < minimum; length++) {
          assert.equal(opener.push(sa, bytes, 10, 10 + length, 0), EspDrop.TooShort, `${length} bytes`);
        }
        assert.equal(opener.push(sa, bytes, 10, 9, 0), EspDrop.TooShort);
        assert.equal(sa.drops[EspDrop.TooShort], minimum + 1);
        assert.equal(opener.count, 0);
        // The smallest packet possible: no payload, two bytes of padding.
        const smallest = sealByHand({ sequence: 1n, icvLength }, withTrailer(new Uint8Array(0), UDP));
        assert.equal(smallest.length, minimum + 2);
        assert.equal(open(opener, sa, smallest), EspDrop.None);
      }
    });

    test('offsets beyond the array are TooShort', () => {
      const sa = inbound();
      const opener = new EspOpener(aead);
      assert.equal(opener.push(sa, new Uint8Array(60), 0, 61, 0), EspDrop.TooShort);
      assert.equal(opener.push(sa, new Uint8Array(60), -1, 60, 0), EspDrop.TooShort);
    });

    test('RFC 4303 section 2.4: padding of up to 255 bytes that counts 1, 2, 3 is removed', () => {
      const opener = new EspOpener(aead);
      const sa = inbound();
      for (let padding = 0; padding <= 255; padding++) {
        const bytes = Uint8Array.from({ length: padding }, (_, i) => i + 1);
        const packet = sealByHand({ sequence: 1n }, join(PAYLOAD, bytes, Uint8Array.of(padding, UDP)));
        const [result] = openBatch(opener, sa, [packet]);
        assert.deepEqual([result.drop, hex(result.payload)], [EspDrop.None, hex(PAYLOAD)]);
      }
    });

    test('RFC 4303 section 2.4: padding with one wrong byte is BadPadding', () => {
      const opener = new EspOpener(aead);
      for (const padding of [1, 2, 3, 7, 255]) {
        for (let wrong = 0; wrong < padding; wrong++) {
          const bytes = Uint8Array.from({ length: padding }, (_, i) => (i === wrong ? (i + 2) & 0xff : i + 1));
          const packet = sealByHand({ sequence: 1n }, join(PAYLOAD, bytes, Uint8Array.of(padding, UDP)));
          assert.equal(open(opener, inbound(), packet), EspDrop.BadPadding, `byte ${wrong} of ${padding}`);
        }
      }
      const zeros = sealByHand({ sequence: 1n }, join(PAYLOAD, Uint8Array.of(0, 0, 2, UDP)));
      assert.equal(open(opener, inbound(), zeros), EspDrop.BadPadding);
    });

    test('a pad length that reaches before the payload is BadPadding; up to its start it is valid', () => {
      const opener = new EspOpener(aead);
      for (let length = 0; length <= 30; length++) {
        const bytes = Uint8Array.from({ length }, (_, i) => i + 1);
        const packet = (padding: number): Uint8Array =>
          sealByHand({ sequence: 1n }, join(bytes, Uint8Array.of(padding, UDP)));
        const [all] = openBatch(opener, inbound(), [packet(length)]);
        assert.deepEqual([all.drop, all.payload.length], [EspDrop.None, 0]);
        for (const padding of [length + 1, length + 2, 255]) {
          assert.equal(open(opener, inbound(), packet(padding)), EspDrop.BadPadding);
        }
      }
    });

    test('RFC 4303 section 3.4.3: bad padding under a correct ICV uses up the sequence number', () => {
      const opener = new EspOpener(aead);
      const sa = inbound({ replayWindow: 64 });
      const wrong = sealByHand({ sequence: 9n }, join(PAYLOAD, Uint8Array.of(7, 7, 2, UDP)));
      assert.equal(open(opener, sa, wrong), EspDrop.BadPadding);
      assert.equal(open(opener, sa, sealByHand({ sequence: 9n }, withTrailer(PAYLOAD, UDP))), EspDrop.Replayed);
      assert.deepEqual([sa.verified, sa.drops[EspDrop.BadPadding], sa.drops[EspDrop.Replayed]], [0, 1, 1]);
    });

    test('RFC 4303 section 2.6: next header 59 is a dummy packet, in both modes, whatever it holds', () => {
      const opener = new EspOpener(aead);
      for (const mode of [EspMode.Transport, EspMode.Tunnel]) {
        for (const length of [0, 1, 100]) {
          const sa = inbound({ mode, replayWindow: 64 });
          const dummy = sealByHand({ sequence: 1n }, withTrailer(new Uint8Array(length), 59));
          assert.equal(open(opener, sa, dummy), EspDrop.Dummy);
          assert.equal(open(opener, sa, dummy), EspDrop.Replayed);
          assert.deepEqual([sa.verified, sa.drops[EspDrop.Dummy]], [0, 1]);
        }
      }
    });

    test('RFC 4303 section 3.1.2: tunnel mode accepts only next headers 4 and 41, others are ModeMismatch', () => {
      const opener = new EspOpener(aead);
      for (let nextHeader = 0; nextHeader < 256; nextHeader++) {
        if (nextHeader === 59) continue;
        const packet = sealByHand({ sequence: 1n }, withTrailer(PAYLOAD, nextHeader));
        const fits = nextHeader === 4 || nextHeader === 41;
        const sa = inbound({ mode: EspMode.Tunnel });
        assert.equal(open(opener, sa, packet), fits ? EspDrop.None : EspDrop.ModeMismatch, `next header ${nextHeader}`);
        assert.equal(open(opener, inbound(), packet), EspDrop.None);
      }
    });

    test('RFC 4303 section 3.4.4: another key, salt, SPI or ICV length is WrongIcv, and the bytes are wiped', () => {
      const opener = new EspOpener(aead);
      const packet = sealByHand({ sequence: 1n, icvLength: 16 }, withTrailer(PAYLOAD, UDP));
      const salt = Uint8Array.of(1, 2, 3, 4);
      const others: Partial<SecurityAssociation>[] = [
        { keymat: keymat(aesKey(16).map((byte) => byte ^ 1)) },
        { keymat: keymat(aesKey(32)) },
        { keymat: keymat(aesKey(), salt) },
        { spi: 5 },
        { icvLength: 12 },
        { icvLength: 8 },
        { esn: true, replayWindow: 64 },
      ];
      for (const other of others) {
        const sa = inbound({ icvLength: 16, ...other });
        const bytes = packet.slice();
        assert.equal(opener.push(sa, bytes, 0, bytes.length, 0), EspDrop.None);
        opener.flush();
        assert.equal(opener.drop[0], EspDrop.WrongIcv);
        assert.ok(bytes.subarray(16, bytes.length - sa.icvLength).every((byte) => byte === 0));
        assert.deepEqual([sa.verified, sa.drops[EspDrop.WrongIcv], sa.window.empty], [0, 1, true]);
      }
    });

    test('batches of any size give the same results as packets one by one', () => {
      const roll = dice(33);
      const sas = [
        association({ replayWindow: 64 }),
        association({ spi: 2, keymat: keymat(aesKey(32)), icvLength: 16, esn: true, replayWindow: 32 }),
        association({ spi: 3, keymat: keymat(aesKey(24)), icvLength: 12, mode: EspMode.Tunnel }),
      ] as const;
      const keys = [aesKey(16), aesKey(32), aesKey(24)];
      const samples = Array.from({ length: 500 }, (_, i) => {
        const which = roll(sas.length);
        const { spi, icvLength, esn } = sas[which];
        const sequence = BigInt(Math.max(1, 1 + (i >> 2) + roll(80) - 40));
        const trailer = roll(10) === 0 ? Uint8Array.of(9, 9, 2, UDP) : Uint8Array.of(1, 2, 2, [17, 4, 59][roll(3)]);
        const plain = join(anyBytes(roll, 4 * roll(40)), trailer);
        const packet = sealByHand({ spi, sequence, key: keys[which], icvLength, esn }, plain);
        if (roll(6) === 0) packet[16 + roll(packet.length - 16)] ^= 1 << roll(8);
        return { which, packet: roll(20) === 0 ? packet.subarray(0, 20) : packet };
      });
      const openAll = (capacity: number): [string[], number[][], number[]] => {
        const opener = new EspOpener(aead, capacity);
        const ends = sas.map((sa) => new InboundSa(sa, aead));
        const bytes = join(...samples.map(({ packet }) => packet));
        const results: string[] = [];
        let waiting: number[] = [];
        const take = (): void => {
          opener.flush();
          waiting.forEach((sample, i) => {
            const drop = opener.drop[i];
            const payload = hex(bytes.subarray(opener.payloadOffset[i], opener.payloadEnd[i]));
            results[sample] = drop === EspDrop.None ? `${opener.nextHeader[i]} ${payload}` : `drop ${drop}`;
          });
          waiting = [];
        };
        let at = 0;
        samples.forEach(({ which, packet }, i) => {
          const refused = opener.push(ends[which], bytes, at, at + packet.length, 0);
          at += packet.length;
          if (refused === EspDrop.None) waiting.push(i);
          else results[i] = `drop ${refused}`;
          if (opener.full) take();
        });
        take();
        for (const sa of ends) sa.close();
        const counts = ends.map(({ drops, verified }) => [verified, ...drops]);
        return [results, counts, ends.map(({ window }) => window.low)];
      };
      const [expected, counts, tops] = openAll(1);
      assert.ok(new Set(expected.map((result) => result.split(' ').slice(0, 2).join(' '))).size > 20);
      for (const capacity of [2, 3, 32, 256, 1000]) {
        const [results, otherCounts, otherTops] = openAll(capacity);
        // A number that the window has moved past is detected before or after ICV verification.
        const refused = [EspDrop.OutsideWindow, EspDrop.Replayed, EspDrop.WrongIcv].map((drop) => `drop ${drop}`);
        const settled = (all: readonly string[]): readonly string[] =>
          all.map((text) => (refused.includes(text) ? 'refused' : text));
        assert.deepEqual(settled(results), settled(expected), `capacity ${capacity}`);
        assert.deepEqual(otherTops, tops);
        assert.deepEqual(
          otherCounts.map((row) => row[0]),
          counts.map((row) => row[0]),
        );
      }
    });

    test('every packet is counted once: verified or under one reason', () => {
      const opener = new EspOpener(aead);
      const sa = inbound({ replayWindow: 64 });
      const good = sealByHand({ sequence: 1n }, withTrailer(PAYLOAD, UDP));
      const forged = good.map((byte, i) => (i === 20 ? byte ^ 1 : byte));
      const dummy = sealByHand({ sequence: 2n }, withTrailer(PAYLOAD, 59));
      openBatch(opener, sa, [good, good, forged, dummy, good.subarray(0, 5)]);
      openBatch(opener, sa, [good, forged]);
      assert.equal(sa.verified, 1);
      const { TooShort, Replayed, WrongIcv, Dummy } = EspDrop;
      // A replay is refused before ICV verification, even within a batch.
      assert.deepEqual(
        [TooShort, Replayed, WrongIcv, Dummy].map((drop) => sa.drops[drop]),
        [1, 4, 0, 1],
      );
      assert.equal(
        sa.drops.reduce((sum, count) => sum + count, sa.verified),
        7,
      );
    });

    test('a full batch, and another array in the middle of one, are NoRoom', () => {
      const opener = new EspOpener(aead, 2);
      const sa = inbound();
      const packet = sealByHand({ sequence: 1n }, withTrailer(PAYLOAD, UDP));
      const bytes = join(packet, packet, packet);
      const { length } = packet;
      assert.equal(opener.push(sa, bytes, 0, length, 0), EspDrop.None);
      assert.equal(opener.push(sa, packet.slice(), 0, length, 0), EspDrop.NoRoom);
      assert.equal(opener.full, false);
      assert.equal(opener.push(sa, bytes, length, 2 * length, 0), EspDrop.None);
      assert.equal(opener.full, true);
      assert.equal(opener.push(sa, bytes, 2 * length, 3 * length, 0), EspDrop.NoRoom);
      opener.flush();
      assert.deepEqual([opener.count, opener.full, ...opener.drop], [2, false, 0, 0]);
      assert.equal(opener.push(sa, bytes, 2 * length, 3 * length, 0), EspDrop.None);
      opener.flush();
      assert.deepEqual([opener.count, opener.drop[0]], [1, 0]);
    });

    test('a flush without packets, and a second one, do nothing', () => {
      const opener = new EspOpener(aead);
      opener.flush();
      assert.equal(opener.count, 0);
      const sa = inbound();
      assert.equal(open(opener, sa, sealByHand({ sequence: 1n }, withTrailer(PAYLOAD, UDP))), EspDrop.None);
      opener.flush();
      assert.deepEqual([opener.count, sa.verified], [1, 1]);
    });

    test('bytes around the packet are unchanged', () => {
      const packet = sealByHand({ sequence: 1n }, withTrailer(PAYLOAD, UDP));
      const bytes = join(new Uint8Array(33).fill(0xcc), packet, new Uint8Array(33).fill(0xcc));
      const opener = new EspOpener(aead);
      opener.push(inbound(), bytes, 33, 33 + packet.length, 0);
      opener.flush();
      assert.equal(opener.drop[0], EspDrop.None);
      assert.equal(hex(bytes.subarray(opener.payloadOffset[0], opener.payloadEnd[0])), hex(PAYLOAD));
      assert.equal(hex(bytes.subarray(0, 33 + 16)), 'cc'.repeat(33) + hex(packet.subarray(0, 16)));
      assert.equal(hex(bytes.subarray(33 + packet.length)), 'cc'.repeat(33));
    });

    test('after close() nothing is opened, and the salt is wiped', () => {
      const sa = inbound();
      sa.close();
      assert.equal(sa.salt, 0);
      const packet = sealByHand({ sequence: 1n }, withTrailer(PAYLOAD, UDP));
      assert.equal(open(new EspOpener(aead), sa, packet), EspDrop.Expired);
    });
  });
}
