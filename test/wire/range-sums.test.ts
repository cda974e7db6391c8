import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Arena } from '../../src/memory/index.js';
import { onesSum } from '../../src/wire/index.js';
import { MAX_RANGES, RangeSums } from '../../src/wire/internal.js';

const arena = new Arena({ slots: 4, frameBytes: 2000 });
const MEMORIES = { 'packet memory': arena.bytes, 'an ordinary array': new Uint8Array(8000) };

for (const [name, bytes] of Object.entries(MEMORIES)) {
  for (let i = 0; i < 8000; i++) bytes[i] = (i * 31) ^ (i >>> 3);

  test(`the sums of ranges in ${name} are those of onesSum, with their bytes swapped`, () => {
    const sums = new RangeSums();
    const range = fc.tuple(fc.nat(6000), fc.nat(1600)).map(([at, length]) => [at, at + length] as const);
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), fc.nat(3), (ranges, from) => {
        const start = Int32Array.from(ranges, ([at]) => at);
        const end = Int32Array.from(ranges, ([, to]) => to);
        const first = Math.min(from, ranges.length);
        sums.run(bytes, start, end, first, ranges.length);
        for (let i = first; i < ranges.length; i++) {
          const sum = onesSum(bytes, start[i], end[i]);
          assert.equal(sums.sums[i - first] % 0xffff, (((sum & 0xff) << 8) | (sum >>> 8)) % 0xffff);
        }
      }),
    );
  });
}

test('as many ranges as allowed are summed, and the sums of another object stay', () => {
  const { bytes } = arena;
  const start = new Int32Array(MAX_RANGES).map((_, i) => i);
  const end = start.map((at) => at + 100);
  const first = new RangeSums();
  first.run(bytes, start, end, 0, MAX_RANGES);
  const kept = first.sums.slice();
  new RangeSums().run(bytes, end, end, 0, MAX_RANGES);
  assert.deepEqual(first.sums, kept);
  assert.ok(kept.every((sum) => sum !== 0));
});

test('ranges outside the memory are not read', () => {
  const small = new Uint8Array(64).fill(1);
  const sums = new RangeSums();
  const start = Int32Array.of(0, 60, 60, 0);
  const end = Int32Array.of(64, 64, 64, 1 << 20);
  assert.throws(() => sums.run(small, Int32Array.of(-8, 0, 0, 0), end, 0, 4), RangeError);
  assert.throws(() => sums.run(small, start, end, 0, 4), RangeError);
});
