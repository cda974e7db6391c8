/** NIST SP 800-38D, 7.2: a modified packet is refused and wiped, and affects no other packet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Aead, NONCE_BYTES, NONCE_STRIDE } from '../../src/aead/index.js';
import { describeEach } from './backends.js';
import {
  anyPacket,
  assertBytes,
  assertOpened,
  assertRefused,
  ICV_LENGTHS,
  KEY_LENGTHS,
  KeyRing,
  Layout,
  packet,
  type Packet,
  sealDirectly,
} from './packets.js';

const PARTS = ['ciphertext', 'ICV', 'additional data', 'nonce'] as const;
type Part = (typeof PARTS)[number];

/** The bytes of a part of a packet. */
function partOf(layout: Layout, i: number, part: Part): Uint8Array {
  const { nonce, aad, aadStride, aadLength } = layout.batch;
  if (part === 'ciphertext') return layout.text(i);
  if (part === 'ICV') return layout.icv(i);
  if (part === 'nonce') return nonce.subarray(i * NONCE_STRIDE, i * NONCE_STRIDE + NONCE_BYTES);
  return aad.subarray(i * aadStride, i * aadStride + aadLength[i]);
}

function sealedLayout(ring: KeyRing, packets: readonly Packet[]): Layout {
  const layout = new Layout(ring, packets);
  packets.forEach((one, i) => layout.put(i, sealDirectly(one)));
  return layout;
}

/** Flips every bit of a part, each in a separate packet followed by a good packet, 64 of each per batch. */
function changeEachBit(aead: Aead, one: Packet, part: Part): number {
  const ring = new KeyRing(aead);
  const sealed = sealDirectly(one);
  const bits = partOf(new Layout(ring, [one]), 0, part).length * 8;
  for (let first = 0; first < bits; first += 64) {
    const changed = Math.min(64, bits - first);
    const layout = new Layout(
      ring,
      Array.from({ length: 2 * changed }, () => one),
    );
    for (let n = 0; n < changed; n++) {
      layout.put(2 * n, sealed);
      layout.put(2 * n + 1, sealed);
      partOf(layout, 2 * n, part)[(first + n) >> 3] ^= 1 << ((first + n) & 7);
    }
    layout.expectInputs();
    // Neither verdict may be left over.
    layout.batch.verified.forEach((_, i) => (layout.batch.verified[i] = i & 1 ? 0 : 1));
    aead.open(layout.batch);
    for (let n = 0; n < changed; n++) {
      assertRefused(layout, 2 * n, `bit ${first + n} of the ${part}`);
      assertOpened(layout, 2 * n + 1, one.plain);
    }
    layout.assertGuards();
  }
  return bits;
}

describeEach('modified packets', (create, name) => {
  for (const part of PARTS) {
    for (const icvLength of ICV_LENGTHS) {
      test(`every bit of the ${part} counts with an ICV of ${icvLength} bytes`, () => {
        const aead = create();
        const sizes = { ciphertext: 37, ICV: icvLength, 'additional data': 12, nonce: 12 };
        for (const keyLength of KEY_LENGTHS) {
          const bits = changeEachBit(aead, packet(keyLength, 37, keyLength, 12, icvLength), part);
          assert.equal(bits, 8 * sizes[part]);
        }
      });
    }
  }

  test('every bit of ICV, additional data and nonce counts for an empty packet', () => {
    const aead = create();
    for (const part of ['ICV', 'additional data', 'nonce'] as const) changeEachBit(aead, packet(1, 0, 32), part);
  });

  test('any bit of any packet in a batch counts, and the other packets open', () => {
    const ring = new KeyRing(create());
    const packets = fc.array(anyPacket, { minLength: 1, maxLength: 140 });
    fc.assert(
      fc.property(packets, fc.nat(), fc.constantFrom(...PARTS), fc.nat(), (all, which, part, bit) => {
        const layout = sealedLayout(ring, all);
        const victim = which % all.length;
        const wanted = partOf(layout, victim, part);
        const target = wanted.length > 0 ? wanted : layout.icv(victim);
        target[(bit >> 3) % target.length] ^= 1 << (bit & 7);
        layout.expectInputs();
        ring.aead.open(layout.batch);
        all.forEach(({ plain }, i) => (i === victim ? assertRefused(layout, i) : assertOpened(layout, i, plain)));
        layout.assertGuards();
      }),
      { seed: 20261121, numRuns: name === 'forge' ? 5 : 60 },
    );
  });

  test('a batch without any valid packet is wiped entirely', () => {
    const ring = new KeyRing(create());
    const packets = Array.from({ length: 150 }, (_, i) => packet(i, 10 * i, KEY_LENGTHS[i % 3], 8, ICV_LENGTHS[i % 3]));
    const layout = new Layout(ring, packets);
    ring.aead.open(layout.batch);
    packets.forEach((_, i) => assertRefused(layout, i));
    layout.assertGuards();
  });

  test('a refused packet keeps the ICV bytes it arrived with', () => {
    const ring = new KeyRing(create());
    const layout = sealedLayout(ring, [packet(1, 20)]);
    layout.text(0)[0] ^= 1;
    const before = Uint8Array.from(layout.icv(0));
    ring.aead.open(layout.batch);
    assertRefused(layout, 0);
    assertBytes(layout.icv(0), before, 'ICV');
  });

  test('a packet opens under no other key, of the same or of another length', () => {
    const ring = new KeyRing(create());
    const one = packet(1, 30, 32);
    const layout = sealedLayout(ring, [one, one, one, one, one]);
    const others = [packet(2, 0, 32), packet(1, 0, 16), packet(1, 0, 24), packet(3, 0, 16)];
    others.forEach(({ key }, i) => (layout.batch.key[i] = ring.id(key)));
    layout.expectInputs();
    ring.aead.open(layout.batch);
    others.forEach((_, i) => assertRefused(layout, i));
    assertOpened(layout, 4, one.plain);
  });

  test('NIST SP 800-38D, 7.1 step 5: truncated or extended additional data is refused, as its length is part of the ICV', () => {
    const ring = new KeyRing(create());
    const one = { ...packet(1, 30), aad: new Uint8Array(8) };
    const layout = sealedLayout(ring, [one, one, one, one]);
    layout.batch.aad.fill(0);
    [7, 9, 0, 8].forEach((length, i) => (layout.batch.aadLength[i] = length));
    layout.expectInputs();
    ring.aead.open(layout.batch);
    for (const i of [0, 1, 2]) assertRefused(layout, i);
    assertOpened(layout, 3, one.plain);
  });

  test('bytes after a 12-byte nonce and after the additional data are ignored', () => {
    const ring = new KeyRing(create());
    const packets = [packet(1, 20, 16, 8), packet(2, 21, 32, 12)];
    const layout = sealedLayout(ring, packets);
    packets.forEach(({ aad }, i) => {
      layout.batch.nonce.fill(0xff, i * NONCE_STRIDE + NONCE_BYTES, (i + 1) * NONCE_STRIDE);
      layout.batch.aad.fill(0xff, i * layout.batch.aadStride + aad.length, (i + 1) * layout.batch.aadStride);
    });
    layout.expectInputs();
    ring.aead.open(layout.batch);
    packets.forEach(({ plain }, i) => assertOpened(layout, i, plain));
  });

  test('a refusal has no lasting effect: the next packet under the key seals and opens', () => {
    const ring = new KeyRing(create());
    const one = packet(1, 50, 24);
    for (let round = 0; round < 5; round++) {
      const bad = sealedLayout(ring, [one]);
      bad.icv(0)[0] ^= 0x80;
      ring.aead.open(bad.batch);
      assertRefused(bad, 0);
      const good = new Layout(ring, [one]);
      ring.aead.seal(good.batch);
      assertBytes(good.icv(0), sealDirectly(one).icv, 'ICV');
      ring.aead.open(good.batch);
      assertOpened(good, 0, one.plain);
    }
  });
});
