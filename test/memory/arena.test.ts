import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Arena, HEADROOM, NO_SLOT, TAILROOM } from '../../src/memory/index.js';

const SEED = 20261121;

function takeAll(arena: Arena): number[] {
  return Array.from({ length: arena.available }, () => arena.take());
}

describe('Arena', () => {
  test('hands out each slot once, then none', () => {
    const arena = new Arena({ slots: 100, frameBytes: 64 });
    const slots = takeAll(arena);
    assert.deepEqual(
      slots.sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i),
    );
    assert.equal(arena.take(), NO_SLOT);
    assert.equal(arena.available, 0);
    arena.free(42);
    assert.equal(arena.available, 1);
    assert.equal(arena.take(), 42);
    assert.equal(arena.take(), NO_SLOT);
  });

  test('throws for a slot that is freed twice, was never taken, or does not exist', () => {
    const arena = new Arena({ slots: 4, frameBytes: 64 });
    const slot = arena.take();
    arena.free(slot);
    for (const wrong of [slot, 3, 4, NO_SLOT, 1.5, Number.NaN]) {
      assert.throws(() => arena.free(wrong), { name: 'MemoryError', code: 'BAD_SLOT' });
    }
    assert.equal(arena.available, 4);
    assert.deepEqual(
      takeAll(arena).sort((a, b) => a - b),
      [0, 1, 2, 3],
    );
  });

  test('with debug, reports who holds its slots; otherwise nothing', () => {
    const takeForTheTest = (arena: Arena): number => arena.take();
    const arena = new Arena({ slots: 4, frameBytes: 64, debug: true });
    assert.deepEqual(arena.holders(), []);
    const slot = takeForTheTest(arena);
    takeForTheTest(arena);
    assert.equal(arena.holders().length, 2);
    for (const holder of arena.holders()) assert.match(holder, /takeForTheTest/);
    arena.free(slot);
    assert.equal(arena.holders().length, 1);
    const silent = new Arena({ slots: 4, frameBytes: 64 });
    takeForTheTest(silent);
    assert.deepEqual(silent.holders(), []);
  });

  test('has slots that do not overlap, with room for the largest frame, its headers and trailer, at any size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 64, max: 9216 }), (slots, frameBytes) => {
        const arena = new Arena({ slots, frameBytes });
        assert.equal(arena.bytes.length, slots * arena.slotBytes);
        assert.equal(arena.slotBytes % 64, 0);
        const spans = takeAll(arena).map((slot) => {
          assert.equal(arena.frameOffsetOf(slot), arena.offsetOf(slot) + HEADROOM);
          return [arena.offsetOf(slot), arena.frameOffsetOf(slot) + frameBytes + TAILROOM];
        });
        spans.sort(([a], [b]) => a - b);
        spans.forEach(([start, end], i) => {
          assert.ok(start >= 0 && end <= (i + 1 < slots ? spans[i + 1][0] : arena.bytes.length));
        });
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  test('has headroom for the longest outer headers, and tailroom for the longest ESP trailer', () => {
    // Ethernet, one tag, IPv6, UDP, ESP with IV, UDP, VXLAN; padding, trailer, ICV.
    assert.ok(HEADROOM >= 14 + 4 + 40 + 8 + 16 + 8 + 8);
    assert.ok(TAILROOM >= 3 + 2 + 16);
  });

  test('keeps the contents of a slot whatever is written to the others', () => {
    const arena = new Arena({ slots: 5, frameBytes: 100 });
    const slots = takeAll(arena);
    for (const slot of slots) {
      arena.bytes.fill(slot + 1, arena.offsetOf(slot), arena.offsetOf(slot) + arena.slotBytes);
    }
    for (const slot of slots) {
      const bytes = arena.bytes.subarray(arena.offsetOf(slot), arena.offsetOf(slot) + arena.slotBytes);
      assert.ok(bytes.every((byte) => byte === slot + 1));
    }
  });

  test('never hands out a taken slot, in any order of takes and frees', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(20)), { maxLength: 200 }), (steps) => {
        const arena = new Arena({ slots: 7, frameBytes: 64, debug: true });
        const held: number[] = [];
        for (const [take, which] of steps) {
          if (take) {
            const slot = arena.take();
            assert.equal(slot === NO_SLOT, held.length === 7);
            if (slot !== NO_SLOT) {
              assert.ok(slot >= 0 && slot < 7 && !held.includes(slot));
              held.push(slot);
            }
          } else if (held.length > 0) {
            arena.free(held.splice(which % held.length, 1)[0]);
          }
          assert.equal(arena.available, 7 - held.length);
          assert.equal(arena.holders().length, held.length);
        }
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  test('frees a shared slot once its last holder has freed it', () => {
    const arena = new Arena({ slots: 1, frameBytes: 64 });
    const slot = arena.take();
    arena.share(slot, 2);
    arena.free(slot);
    arena.free(slot);
    assert.equal(arena.available, 0);
    assert.equal(arena.take(), NO_SLOT);
    arena.free(slot);
    assert.equal(arena.available, 1);
    assert.throws(() => arena.free(slot), { code: 'BAD_SLOT' });
  });

  test('gives no holders to a free slot, and at most 255 to one', () => {
    const arena = new Arena({ slots: 1, frameBytes: 64 });
    assert.throws(() => arena.share(0, 1), { code: 'BAD_SLOT' });
    assert.throws(() => arena.share(1, 1), { code: 'BAD_SLOT' });
    const slot = arena.take();
    arena.share(slot, 254);
    assert.throws(() => arena.share(slot, 1), { code: 'BAD_SLOT' });
  });

  test('refuses zero slots, and frames under 64 bytes', () => {
    for (const options of [{ slots: 0 }, { slots: 1.5 }, { slots: -1 }, { frameBytes: 63 }, { frameBytes: 64.5 }]) {
      assert.throws(() => new Arena(options), { code: 'BAD_ARENA' });
    }
  });
});
