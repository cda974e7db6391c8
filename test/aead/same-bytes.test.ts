/** NIST SP 800-38D, 7.1 and 7.2: every cipher gives the same results as node:crypto. */
import { test } from 'node:test';
import fc from 'fast-check';
import { describeEach } from './backends.js';
import {
  anyPacket,
  assertBytes,
  assertOpened,
  assertSealed,
  ICV_LENGTHS,
  KEY_LENGTHS,
  KeyRing,
  Layout,
  LENGTHS,
  packet,
  sealDirectly,
} from './packets.js';

/** Around ipsec-mb's burst size (128), up to the capacity of a batch. */
const COUNTS = [1, 2, 64, 127, 128, 129, 200, 256];

describeEach('same results as node:crypto', (create, name) => {
  test('for every key length, ICV length, additional data length and lengths around a block', () => {
    const ring = new KeyRing(create());
    const packets = [];
    for (const keyLength of KEY_LENGTHS) {
      for (const icvLength of ICV_LENGTHS) {
        for (const aadLength of [8, 12]) {
          for (const length of LENGTHS) packets.push(packet(packets.length, length, keyLength, aadLength, icvLength));
        }
      }
    }
    const sealed = packets.map(sealDirectly);
    const layout = new Layout(ring, packets);
    ring.aead.seal(layout.batch);
    sealed.forEach((one, i) => assertSealed(layout, i, one));
    layout.assertGuards();
    ring.aead.open(layout.batch);
    packets.forEach(({ plain }, i) => assertOpened(layout, i, plain));
    sealed.forEach(({ icv }, i) => assertBytes(layout.icv(i), icv, `ICV of packet ${i} after opening`));
    layout.assertGuards();
  });

  test('for every length from 0 to 600 bytes, with and without additional data', () => {
    const ring = new KeyRing(create());
    const packets = Array.from({ length: 601 }, (_, i) => packet(i, i, KEY_LENGTHS[i % 3], i % 25));
    const layout = new Layout(ring, packets);
    ring.aead.seal(layout.batch);
    packets.forEach((one, i) => assertSealed(layout, i, sealDirectly(one)));
    ring.aead.open(layout.batch);
    packets.forEach(({ plain }, i) => assertOpened(layout, i, plain));
    layout.assertGuards();
  });

  test('for the longest IPv4 datagram (RFC 791: 65,535 bytes)', () => {
    const ring = new KeyRing(create());
    const one = packet(1, 65_535, 32, 12);
    const layout = new Layout(ring, [one]);
    ring.aead.seal(layout.batch);
    assertSealed(layout, 0, sealDirectly(one));
    ring.aead.open(layout.batch);
    assertOpened(layout, 0, one.plain);
  });

  for (const count of COUNTS) {
    test(`for any ${count} packets under mixed keys in one batch`, () => {
      const ring = new KeyRing(create());
      const options = fc.record({ start: fc.nat(70), gap: fc.nat(20), arrayOffset: fc.nat(20) });
      fc.assert(
        fc.property(fc.array(anyPacket, { minLength: count, maxLength: count }), options, (packets, where) => {
          const sealed = packets.map(sealDirectly);
          const layout = new Layout(ring, packets, where);
          ring.aead.seal(layout.batch);
          sealed.forEach((one, i) => assertSealed(layout, i, one));
          layout.assertGuards();
          ring.aead.open(layout.batch);
          packets.forEach(({ plain }, i) => assertOpened(layout, i, plain));
          layout.assertGuards();
        }),
        { seed: 20261121 + count, numRuns: name === 'forge' ? Math.ceil(64 / count) : Math.ceil(1280 / count) },
      );
    });
  }

  test('for packets in one batch or one by one, under the same keys', () => {
    const ring = new KeyRing(create());
    fc.assert(
      fc.property(fc.array(anyPacket, { minLength: 1, maxLength: 40 }), (packets) => {
        const together = new Layout(ring, packets);
        ring.aead.seal(together.batch);
        packets.forEach((one, i) => {
          const alone = new Layout(ring, [one]);
          ring.aead.seal(alone.batch);
          assertBytes(alone.text(0), together.text(i), `ciphertext of packet ${i}`);
          assertBytes(alone.icv(0), together.icv(i), `ICV of packet ${i}`);
          ring.aead.open(alone.batch);
          assertOpened(alone, 0, one.plain);
        });
      }),
      { seed: 20261121, numRuns: name === 'forge' ? 5 : 40 },
    );
  });

  test('for a packet sealed twice with one nonce, both times', () => {
    const ring = new KeyRing(create());
    const one = packet(3, 100, 32);
    const layout = new Layout(ring, [one, one, packet(4, 7), one]);
    ring.aead.seal(layout.batch);
    for (const i of [0, 1, 3]) assertSealed(layout, i, sealDirectly(one));
  });

  test('for only the packets that the batch counts', () => {
    const ring = new KeyRing(create());
    const packets = [packet(1, 40), packet(2, 41), packet(3, 42)];
    const layout = new Layout(ring, packets);
    layout.batch.count = 2;
    layout.batch.verified.fill(9);
    layout.batch.key[2] = 1000;
    ring.aead.seal(layout.batch);
    assertSealed(layout, 1, sealDirectly(packets[1]));
    assertBytes(layout.text(2), packets[2].plain, 'a packet that is not counted');
    ring.aead.open(layout.batch);
    assertBytes(layout.batch.verified, Uint8Array.of(1, 1, 9), 'verdicts');
    layout.batch.count = 0;
    const before = layout.everything();
    ring.aead.seal(layout.batch);
    ring.aead.open(layout.batch);
    assertBytes(layout.everything(), before, 'an empty batch');
  });
});
