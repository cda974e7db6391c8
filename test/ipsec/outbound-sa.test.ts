import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Aead, type AeadBatch, AeadError, nodeBackend, NONCE_BYTES, NONCE_STRIDE } from '../../src/aead/index.js';
import { EspDrop, EspMode, EspOpener, EspSealer, InboundSa, IpsecError, OutboundSa } from '../../src/ipsec/index.js';
import {
  aesKey,
  association,
  ciphers,
  hex,
  keymat,
  MASK,
  NO_MASK,
  open,
  openByHand,
  SALT,
  seal,
  unhex,
} from './build.js';

const RUN = 2n ** 32n;
const PAYLOAD = new Uint8Array(20).fill(0x33);

/** A cipher that encrypts nothing and reports each packet's nonce. */
function watcher(seen: (nonce: Uint8Array, batch: AeadBatch, index: number) => void): Aead {
  return {
    name: 'watcher',
    addKey: () => 0,
    removeKey: () => undefined,
    open: () => assert.fail('nothing is opened here'),
    seal: (batch) => {
      for (let i = 0; i < batch.count; i++) {
        seen(batch.nonce.subarray(i * NONCE_STRIDE, i * NONCE_STRIDE + NONCE_BYTES), batch, i);
      }
    },
  };
}

const low = (packet: Uint8Array): number => Buffer.from(packet).readUInt32BE(4);
const iv = (packet: Uint8Array): bigint => Buffer.from(packet).readBigUInt64BE(8);
const number = (sa: OutboundSa): bigint => BigInt(sa.sequenceHigh) * RUN + BigInt(sa.sequenceLow);

describe('OutboundSa', () => {
  test('copies the SA’s parameters', () => {
    const encap = { sourcePort: 4500, destinationPort: 4501 };
    const sa = new OutboundSa(
      association({ mode: EspMode.Tunnel, icvLength: 12, esn: true, replayWindow: 64, encap }),
      nodeBackend.create(),
      { ivMask: MASK },
    );
    assert.deepEqual(
      [sa.spi, sa.family, sa.tunnel, sa.icvLength, sa.esn, sa.encap, sa.encapSourcePort, sa.encapDestinationPort],
      [0x1f279ba7, 4, true, 12, true, true, 4500, 4501],
    );
    assert.equal(sa.salt >>> 0, 0x1f279ba7);
  });

  test('RFC 4303 section 3.3.3: the first sequence number sent is 1', () => {
    for (const esn of [false, true]) {
      const aead = nodeBackend.create();
      const sa = new OutboundSa(association({ esn, replayWindow: 64 }), aead, { ivMask: MASK });
      assert.deepEqual([sa.sequenceHigh, sa.sequenceLow, sa.exhausted], [0, 0, false]);
      const sealer = new EspSealer(aead);
      for (let expected = 1; expected <= 300; expected++) {
        assert.equal(low(seal(sealer, sa, PAYLOAD).packet), expected);
        assert.equal(sa.sequenceLow, expected);
      }
    }
  });

  test('continues after the initial sequence number', () => {
    const aead = nodeBackend.create();
    const options = { ivMask: MASK, sequence: { high: 7, low: 1000 } };
    const plain = new OutboundSa(association(), aead, options);
    const sealer = new EspSealer(aead);
    assert.equal(low(seal(sealer, plain, PAYLOAD).packet), 1001);
    assert.equal(plain.sequenceHigh, 0);
    const extended = new OutboundSa(association({ esn: true, replayWindow: 64 }), aead, options);
    assert.equal(low(seal(sealer, extended, PAYLOAD).packet), 1001);
    assert.equal(extended.sequenceHigh, 7);
  });

  test('RFC 4303 section 3.3.3: without ESN it stops at 2^32 - 1 and never sends 0', () => {
    const aead = nodeBackend.create();
    const sa = new OutboundSa(association(), aead, { ivMask: MASK, sequence: { high: 0, low: 0xfffffff0 } });
    const sealer = new EspSealer(aead);
    const sent: number[] = [];
    for (let i = 0; i < 40; i++) {
      const { drop, packet } = seal(sealer, sa, PAYLOAD);
      if (drop === EspDrop.None) sent.push(low(packet));
      else assert.equal(drop, EspDrop.SequenceExhausted);
    }
    assert.deepEqual(
      sent,
      Array.from({ length: 15 }, (_, i) => 0xfffffff1 + i),
    );
    assert.ok(sa.exhausted);
    assert.equal(sa.lifetime.packets, 15);
  });

  test('RFC 4303 section 2.2.1: with ESN the low-order half wraps to 0 and the high-order half steps', () => {
    for (const aead of ciphers()) {
      const sa = new OutboundSa(association({ esn: true, replayWindow: 64 }), aead, {
        ivMask: MASK,
        sequence: { high: 4, low: 0xfffffffd },
      });
      const sealer = new EspSealer(aead);
      for (let sequence = 5n * RUN - 2n; sequence < 5n * RUN + 3n; sequence++) {
        const { drop, packet } = seal(sealer, sa, PAYLOAD);
        assert.deepEqual([drop, number(sa), BigInt(low(packet))], [EspDrop.None, sequence, sequence % RUN]);
        assert.equal(hex(openByHand({ sequence, esn: true }, packet)).slice(0, 40), hex(PAYLOAD));
      }
      assert.ok(!sa.exhausted);
    }
  });

  test('RFC 4106 section 3.1: the IV on the wire is the 64-bit sequence number XOR the mask', () => {
    for (const aead of ciphers()) {
      const sealer = new EspSealer(aead);
      for (const mask of ['0000000000000000', '0123456789abcdef', 'ffffffffffffffff', '80000000ffffffff']) {
        for (const start of [0n, 254n, 2n ** 31n - 2n, RUN - 3n, 3n * RUN - 3n, 2n ** 63n - 2n]) {
          const sequence = { high: Number(start >> 32n), low: Number(start % RUN) };
          const sa = new OutboundSa(association({ esn: true, replayWindow: 64 }), aead, {
            ivMask: unhex(mask),
            sequence,
          });
          for (let step = 1n; step <= 5n; step++) {
            const { packet } = seal(sealer, sa, PAYLOAD);
            assert.equal(iv(packet), (start + step) ^ BigInt(`0x${mask}`));
          }
          sa.close();
        }
      }
    }
  });

  test('RFC 4106 sections 3.1 and 4: no two of 100,000 packets share a nonce, and each is salt and IV', () => {
    const nonces = new Set<bigint>();
    let packets = 0;
    const aead = watcher((nonce, batch, i) => {
      packets++;
      const view = Buffer.from(nonce);
      nonces.add(view.readBigUInt64BE(4));
      assert.equal(view.readUInt32BE(0), 0x1f279ba7);
      const wire = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset + batch.offset[i] - 8, 8);
      assert.equal(view.readBigUInt64BE(4), wire.readBigUInt64BE(0));
    });
    const sa = new OutboundSa(association({ esn: true, replayWindow: 64 }), aead, {
      ivMask: MASK,
      sequence: { high: 0, low: 0xffffffff - 50_000 },
    });
    const sealer = new EspSealer(aead);
    const bytes = new Uint8Array(256 * 64);
    for (let i = 0; i < 100_000; i++) {
      const at = (i % 256) * 64 + 16;
      assert.equal(sealer.push(sa, bytes, at, at + 20, 17, 0), EspDrop.None);
    }
    sealer.flush();
    assert.deepEqual([packets, nonces.size], [100_000, 100_000]);
  });

  test('two SAs with one key and salt but different masks use different nonces for the same numbers', () => {
    const aead = nodeBackend.create();
    const sealer = new EspSealer(aead);
    const first = new OutboundSa(association(), aead, { ivMask: MASK });
    const second = new OutboundSa(association(), aead, { ivMask: unhex('8123456789abcdef') });
    const ivs = new Set<bigint>();
    for (let i = 0; i < 500; i++) {
      const one = seal(sealer, first, PAYLOAD).packet;
      const other = seal(sealer, second, PAYLOAD).packet;
      assert.equal(low(one), low(other));
      assert.notEqual(hex(one.subarray(16)), hex(other.subarray(16)));
      ivs.add(iv(one)).add(iv(other));
    }
    assert.equal(ivs.size, 1000);
  });

  test('RFC 4106 section 3.1: a receiver takes the IV from the wire, only the sender knows the mask', () => {
    for (const aead of ciphers()) {
      const inbound = new InboundSa(association({ replayWindow: 64 }), aead);
      const opener = new EspOpener(aead);
      const sealer = new EspSealer(aead);
      let last = 0;
      for (const mask of ['0000000000000000', 'ffffffffffffffff', '0123456789abcdef']) {
        const sa = new OutboundSa(association(), aead, { ivMask: unhex(mask), sequence: { high: 0, low: last++ } });
        assert.equal(open(opener, inbound, seal(sealer, sa, PAYLOAD).packet), EspDrop.None);
      }
    }
  });

  test('a mask that is not 8 bytes is BAD_IV_MASK', () => {
    for (const length of [0, 1, 4, 7, 9, 12, 16]) {
      assert.throws(
        () => new OutboundSa(association(), nodeBackend.create(), { ivMask: new Uint8Array(length) }),
        (error) =>
          error instanceof IpsecError && error.code === 'BAD_IV_MASK' && error.message.endsWith(`not ${length}`),
      );
    }
  });

  test('the mask is copied: the caller may overwrite it', () => {
    const aead = nodeBackend.create();
    const mask = MASK.slice();
    const sa = new OutboundSa(association(), aead, { ivMask: mask });
    mask.fill(0);
    assert.equal(iv(seal(new EspSealer(aead), sa, PAYLOAD).packet), 0x0123456789abcdefn ^ 1n);
  });

  test('RFC 4106 sections 6 and 8.1: node:crypto opens AES-128, 192 and 256 with ICVs of 8, 12 and 16 bytes', () => {
    for (const aead of ciphers()) {
      for (const length of [16, 24, 32] as const) {
        for (const icvLength of [8, 12, 16]) {
          const key = aesKey(length);
          const sa = new OutboundSa(association({ keymat: keymat(key), icvLength }), aead, { ivMask: NO_MASK });
          const { packet } = seal(new EspSealer(aead), sa, PAYLOAD);
          assert.equal(packet.length, 16 + 24 + icvLength);
          assert.equal(
            hex(openByHand({ sequence: 1n, key, salt: SALT, icvLength }, packet)),
            `${hex(PAYLOAD)}01020211`,
          );
        }
      }
    }
  });

  test('after close() nothing is sealed, and key and salt are wiped', () => {
    for (const aead of ciphers()) {
      const sa = new OutboundSa(association(), aead, { ivMask: MASK });
      const sealer = new EspSealer(aead);
      assert.equal(seal(sealer, sa, PAYLOAD).drop, EspDrop.None);
      sa.close();
      assert.equal(sa.salt, 0);
      assert.equal(seal(sealer, sa, PAYLOAD).drop, EspDrop.Expired);
    }
  });

  test('a closed SA seals nothing, even if another SA reuses its slot in the cipher', () => {
    for (const aead of ciphers()) {
      const closed = new OutboundSa(association(), aead, { ivMask: NO_MASK });
      closed.close();
      const other = new OutboundSa(association({ spi: 77, keymat: keymat(aesKey(32)) }), aead, { ivMask: MASK });
      let sealed: Uint8Array | undefined;
      try {
        const { drop, packet } = seal(new EspSealer(aead), closed, PAYLOAD);
        if (drop === EspDrop.None) sealed = packet;
      } catch (error) {
        assert.ok(error instanceof AeadError);
      }
      assert.equal(sealed, undefined, `${aead.name} sealed for a closed SA with the key of SPI ${other.spi}`);
    }
  });

  test('closing an SA, once or twice, does not affect other SAs’ keys', () => {
    for (const aead of ciphers()) {
      const first = new OutboundSa(association(), aead, { ivMask: MASK });
      const second = new OutboundSa(association(), aead, { ivMask: NO_MASK });
      first.close();
      first.close();
      const third = new OutboundSa(association({ keymat: keymat(aesKey(32)) }), aead, { ivMask: NO_MASK });
      const sealer = new EspSealer(aead);
      const payload = `${hex(PAYLOAD)}01020211`;
      assert.equal(hex(openByHand({ sequence: 1n }, seal(sealer, second, PAYLOAD).packet)), payload);
      assert.equal(hex(openByHand({ sequence: 1n, key: aesKey(32) }, seal(sealer, third, PAYLOAD).packet)), payload);
    }
  });

  test('closing an SA twice does not affect an SA that reuses its slot in the cipher', () => {
    for (const aead of ciphers()) {
      const first = new OutboundSa(association(), aead, { ivMask: MASK });
      first.close();
      const second = new OutboundSa(association(), aead, { ivMask: NO_MASK });
      first.close();
      const { packet } = seal(new EspSealer(aead), second, PAYLOAD);
      assert.equal(hex(openByHand({ sequence: 1n }, packet)), `${hex(PAYLOAD)}01020211`);
    }
  });
});
