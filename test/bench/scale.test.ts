import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { linearScale, linearTicks, logScale, logTicks } from '../../bench/scale.js';

const positive = fc.double({ min: 1e-9, max: 1e18, noNaN: true });

describe('scales', () => {
  test('a linear scale keeps differences, a logarithmic one ratios', () => {
    const straight = linearScale(100, 10, 210);
    assert.deepEqual([0, 50, 100].map(straight), [10, 110, 210]);
    const ratios = logScale(1, 100, 300, 100);
    assert.deepEqual([1, 10, 100].map(ratios), [300, 200, 100]);
  });

  test('a single figure is centred', () => {
    assert.equal(logScale(7, 7, 0, 10)(7), 5);
  });

  test('ticks are round', () => {
    assert.deepEqual(logTicks(0.04, 6), [0.05, 0.1, 0.2, 0.5, 1, 2, 5]);
    assert.deepEqual(logTicks(0.003, 700), [0.01, 0.1, 1, 10, 100]);
    assert.deepEqual(linearTicks(650, 4), [0, 200, 400, 600]);
    assert.deepEqual(linearTicks(0.4, 4), [0, 0.1, 0.2, 0.30000000000000004, 0.4]);
  });

  test('ticks are few, increasing, and within the range', () => {
    fc.assert(
      fc.property(positive, positive, (a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b) * 2.6];
        for (const ticks of [logTicks(low, high), linearTicks(high, 4)]) {
          assert.ok(ticks.length >= 1 && ticks.length <= 16, `${ticks.length} ticks`);
          assert.ok(ticks.every((tick, i) => tick <= high * (1 + 1e-9) && (i === 0 || tick > ticks[i - 1])));
        }
      }),
    );
  });
});
