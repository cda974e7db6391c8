import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bySize, meanBytes, sizesOf } from '../../bench/imix.js';

describe('frame sizes', () => {
  test('any twelve consecutive IMIX frames are 7 of 64, 4 of 594 and 1 of 1518 bytes', () => {
    const sizes = sizesOf('imix', 48);
    for (let start = 0; start <= 36; start++) {
      const twelve = [...sizes.subarray(start, start + 12)].sort((a, b) => a - b);
      assert.deepEqual(twelve, [64, 64, 64, 64, 64, 64, 64, 594, 594, 594, 594, 1518]);
    }
  });

  test('no more than two frames of a kind follow each other in IMIX', () => {
    assert.doesNotMatch(sizesOf('imix', 48).join(','), /\b(\d+),\1,\1\b/);
  });

  test('the mean is that of the frames', () => {
    const sum = sizesOf('imix', 1200).reduce((total, bytes) => total + bytes, 0);
    assert.equal(meanBytes('imix'), sum / 1200);
    assert.equal(meanBytes(1400), 1400);
  });

  test('the count is as requested, and the sizes are the same in every run', () => {
    fc.assert(
      fc.property(fc.nat(100), fc.oneof(fc.constant('imix' as const), fc.nat(9000)), (count, size) => {
        const sizes = sizesOf(size, count);
        assert.equal(sizes.length, count);
        assert.deepEqual(sizes, sizesOf(size, count + 5).subarray(0, count));
        if (size !== 'imix') assert.ok(sizes.every((bytes) => bytes === size));
      }),
    );
  });

  test('refuses an invalid count', () => {
    for (const count of [-1, 1.5, Number.NaN]) assert.throws(() => sizesOf(64, count), RangeError);
  });

  test('sizes are ordered by bytes, IMIX last', () => {
    assert.deepEqual((['imix', 1400, 64, 'imix', 594] as const).toSorted(bySize), [64, 594, 1400, 'imix', 'imix']);
  });
});
