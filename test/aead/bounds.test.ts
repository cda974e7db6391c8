/** Out-of-range columns are refused before anything is written: native code doesn't check them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Aead, AeadBatch, AeadError, isIcvLength, nodeBackend } from '../../src/aead/index.js';
import { describeEach } from './backends.js';
import { assertBytes, assertOpened, assertSealed, KeyRing, Layout, packet, sealDirectly } from './packets.js';

const INT_MAX = 0x7fffffff;
const INT_MIN = -0x80000000;

interface Wrong {
  readonly what: string;
  readonly change: (batch: AeadBatch, i: number) => void;
}

/** The packets fill their array to the last byte, so that one more is too many. */
const WRONGS: readonly Wrong[] = [
  ...[-1, INT_MIN, INT_MAX].map((value) => ({
    what: `offset ${value}`,
    change: (batch: AeadBatch, i: number) => (batch.offset[i] = value),
  })),
  ...[-1, INT_MIN, INT_MAX].map((value) => ({
    what: `length ${value}`,
    change: (batch: AeadBatch, i: number) => (batch.length[i] = value),
  })),
  ...[-1, -16, INT_MIN, INT_MAX].map((value) => ({
    what: `icvOffset ${value}`,
    change: (batch: AeadBatch, i: number) => (batch.icvOffset[i] = value),
  })),
  ...[0, 1, 4, 7, 9, 10, 11, 13, 14, 15, 17, 32, 128, 255].map((value) => ({
    what: `icvLength ${value} (RFC 4106 section 6)`,
    change: (batch: AeadBatch, i: number) => (batch.icvLength[i] = value),
  })),
  ...[-1, 17, INT_MIN, INT_MAX].map((value) => ({
    what: `aadLength ${value}`,
    change: (batch: AeadBatch, i: number) => (batch.aadLength[i] = value),
  })),
  {
    what: 'length beyond the end by one',
    change: (batch, i) => (batch.length[i] = batch.bytes.length - batch.offset[i] + 1),
  },
  {
    what: 'offset beyond the end by one',
    change: (batch, i) => (batch.offset[i] = batch.bytes.length - batch.length[i] + 1),
  },
  {
    what: 'icvOffset beyond the end by one',
    change: (batch, i) => (batch.icvOffset[i] = batch.bytes.length - batch.icvLength[i] + 1),
  },
  {
    what: 'offset and length whose sum exceeds 32 bits',
    change: (batch, i) => {
      batch.offset[i] = INT_MAX;
      batch.length[i] = INT_MAX;
    },
  },
];

const UNKNOWN_KEYS: readonly Wrong[] = [-1, 1_000, INT_MIN, INT_MAX].map((value) => ({
  what: `key ${value}`,
  change: (batch: AeadBatch, i: number) => (batch.key[i] = value),
}));

const COUNT = 130;

function assertRefusal(aead: Aead, layout: Layout, what: string): void {
  for (const work of ['seal', 'open'] as const) {
    const before = layout.everything();
    layout.batch.verified.fill(7);
    assert.throws(
      () => aead[work](layout.batch),
      (error) => error instanceof AeadError && error.code === 'BAD_AEAD_BATCH',
      `${work}: ${what}`,
    );
    assertBytes(layout.everything(), before, `${work} wrote something: ${what}`);
    assert.ok(
      layout.batch.verified.every((verdict) => verdict !== 1),
      `${work} verified a packet: ${what}`,
    );
  }
}

describeEach('out-of-range columns', (create) => {
  for (const [position, at] of [
    ['first', 0],
    ['second', 1],
    ['129th', 128],
    ['last', COUNT - 1],
  ] as const) {
    for (const [kind, wrongs] of [
      ['offsets and lengths', WRONGS],
      ['unknown keys', UNKNOWN_KEYS],
    ] as const) {
      test(`${kind}: one in the ${position} of ${COUNT} packets is refused before any packet is written`, () => {
        const ring = new KeyRing(create());
        const packets = Array.from({ length: COUNT }, (_, i) => packet(i, 20 + i));
        for (const { what, change } of wrongs) {
          const layout = new Layout(ring, packets, { gap: 0 });
          change(layout.batch, at);
          assertRefusal(ring.aead, layout, what);
        }
        const layout = new Layout(ring, packets, { gap: 0 });
        ring.aead.seal(layout.batch);
        packets.forEach((one, i) => assertSealed(layout, i, sealDirectly(one)));
      });
    }
  }

  test('the last byte of an array may belong to a packet or an ICV', () => {
    const ring = new KeyRing(create());
    const one = packet(1, 16, 16, 16);
    const { batch } = new Layout(ring, [one], { start: 0, gap: 0, arrayOffset: 0 });
    assert.equal(batch.icvOffset[0] + batch.icvLength[0], batch.bytes.length);
    ring.aead.seal(batch);
    const { cipher, icv } = sealDirectly(one);
    assertBytes(batch.bytes, Uint8Array.of(...cipher, ...icv), 'packet and ICV');
    // And the ICV before the packet.
    batch.bytes = Uint8Array.of(...icv, ...cipher);
    batch.icvOffset[0] = 0;
    batch.offset[0] = 16;
    ring.aead.open(batch);
    assert.equal(batch.verified[0], 1);
    assertBytes(batch.bytes.subarray(16), one.plain, 'packet');
  });

  for (const count of [-1, 4, 257, INT_MAX, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    test(`refuses a count of ${count} for a batch with a capacity of 3`, () => {
      const ring = new KeyRing(create());
      const layout = new Layout(ring, [packet(1, 20), packet(2, 20), packet(3, 20)]);
      layout.batch.count = count;
      assertRefusal(ring.aead, layout, `count ${count}`);
    });
  }

  test('refuses a fractional count', () => {
    const ring = new KeyRing(create());
    for (const count of [Number.NaN, 0.5, 1.5]) {
      const layout = new Layout(ring, [packet(1, 20), packet(2, 20), packet(3, 20)]);
      layout.batch.count = count;
      assertRefusal(ring.aead, layout, `count ${count}`);
    }
  });

  test('refuses a removed key, also after its slot is reused', () => {
    const ring = new KeyRing(create());
    const packets = [packet(1, 20), packet(2, 20)];
    const layout = new Layout(ring, packets);
    const id = layout.batch.key[1];
    ring.aead.removeKey(id);
    assertRefusal(ring.aead, layout, 'a removed key');
    const again = ring.aead.addKey(packets[1].key);
    assert.notEqual(again, id);
    assertRefusal(ring.aead, layout, 'a removed key whose slot was reused');
    layout.batch.key[1] = again;
    ring.aead.seal(layout.batch);
    packets.forEach((one, i) => assertSealed(layout, i, sealDirectly(one)));
  });

  test('refuses a batch whose bytes were transferred to another thread', () => {
    const ring = new KeyRing(create());
    const layout = new Layout(ring, [packet(1, 20)]);
    ring.aead.seal(layout.batch);
    structuredClone(layout.batch.bytes.buffer, { transfer: [layout.batch.bytes.buffer as ArrayBuffer] });
    for (const work of ['seal', 'open'] as const) {
      assert.throws(() => ring.aead[work](layout.batch), { code: 'BAD_AEAD_BATCH' });
    }
  });

  test('the same batch works after a refusal, once corrected', () => {
    const ring = new KeyRing(create());
    const packets = [packet(1, 20), packet(2, 300, 32)];
    const layout = new Layout(ring, packets);
    for (const { what, change } of WRONGS) {
      const wrong = new Layout(ring, packets, { gap: 0 });
      change(wrong.batch, 0);
      assert.throws(() => ring.aead.seal(wrong.batch), { code: 'BAD_AEAD_BATCH' }, what);
    }
    ring.aead.seal(layout.batch);
    packets.forEach((one, i) => assertSealed(layout, i, sealDirectly(one)));
    ring.aead.open(layout.batch);
    packets.forEach(({ plain }, i) => assertOpened(layout, i, plain));
  });

  test('any numbers in the columns are refused, or work within the array', () => {
    const ring = new KeyRing(create());
    const wild = fc.oneof(fc.integer({ min: -20, max: 120 }), fc.integer({ min: INT_MIN, max: INT_MAX }));
    const mostly = (usual: fc.Arbitrary<number>, other = wild): fc.Arbitrary<number> =>
      fc.oneof({ arbitrary: usual, weight: 5 }, { arbitrary: other, weight: 1 });
    const row = fc.record({
      key: mostly(fc.constant(0)),
      offset: mostly(fc.nat(60)),
      length: mostly(fc.nat(60)),
      icvOffset: mostly(fc.nat(100)),
      icvLength: mostly(fc.constantFrom(8, 12, 16), fc.nat(255)),
      aadLength: mostly(fc.nat(17)),
    });
    ring.id(packet(0, 0).key);
    let done = 0;
    fc.assert(
      fc.property(row, ({ key, offset, length, icvOffset, icvLength, aadLength }) => {
        const whole = new Uint8Array(200).fill(0x33);
        const batch = new AeadBatch(1);
        batch.bytes = whole.subarray(50, 150);
        batch.count = 1;
        batch.key[0] = key;
        batch.offset[0] = offset;
        batch.length[0] = length;
        batch.icvOffset[0] = icvOffset;
        batch.icvLength[0] = icvLength;
        batch.aadLength[0] = aadLength;
        const inside =
          key === 0 &&
          Math.min(offset, length, icvOffset, aadLength) >= 0 &&
          offset + length <= 100 &&
          icvOffset + icvLength <= 100 &&
          isIcvLength(icvLength) &&
          aadLength <= 16 &&
          (length === 0 || icvOffset >= offset + length || offset >= icvOffset + icvLength);
        if (inside) {
          done++;
          ring.aead.seal(batch);
        } else assert.throws(() => ring.aead.seal(batch), { code: 'BAD_AEAD_BATCH' });
        whole.forEach((byte, i) => {
          const at = i - 50;
          const mine = (at >= offset && at < offset + length) || (at >= icvOffset && at < icvOffset + icvLength);
          if (!inside || !mine) assert.equal(byte, 0x33, `byte ${at}`);
        });
      }),
      { seed: 20261121, numRuns: 3000 },
    );
    assert.ok(done > 500 && done < 2500, `${done} of them were inside`);
  });
});

describe('AeadBatch', () => {
  test('RFC 4106 section 6: an ICV has 8, 12 or 16 bytes', () => {
    const known = Array.from({ length: 300 }, (_, i) => i - 20).filter(isIcvLength);
    assert.deepEqual(known, [8, 12, 16]);
    assert.equal(isIcvLength(8.5), false);
    assert.equal(isIcvLength(Number.NaN), false);
  });

  test('needs no space for additional data if there is none', () => {
    const aead = nodeBackend.create();
    const batch = new AeadBatch(2, 0);
    batch.bytes = new Uint8Array(32);
    batch.key[0] = aead.addKey(packet(1, 0).key);
    batch.icvOffset[0] = 16;
    batch.icvLength[0] = 16;
    batch.length[0] = 16;
    batch.count = 1;
    aead.seal(batch);
    aead.open(batch);
    assert.equal(batch.verified[0], 1);
    batch.aadLength[0] = 1;
    assert.throws(() => aead.seal(batch), { code: 'BAD_AEAD_BATCH' });
  });

  test('checks all counted packets and no others', () => {
    const batch = new AeadBatch(3);
    batch.bytes = new Uint8Array(16);
    batch.icvLength.fill(16);
    batch.icvLength[2] = 5;
    batch.count = 2;
    batch.check();
    batch.count = 3;
    assert.throws(() => batch.check(), { code: 'BAD_AEAD_BATCH' });
  });
});
