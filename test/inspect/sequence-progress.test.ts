/** The advance of sequence numbers, from their lower halves. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SequenceProgress } from '../../src/inspect/sequence-progress.js';

function progressOf(...list: number[]): SequenceProgress {
  const progress = new SequenceProgress();
  list.forEach((sequence, time) => progress.add(sequence, time));
  return progress;
}

/** Consecutive numbers from a given one, each the lower half of a 64-bit number. */
function following(first: number, count: number, step = 1): number[] {
  return Array.from({ length: count }, (_, i) => (first + i * step) % 2 ** 32);
}

describe('SequenceProgress', () => {
  test('the advance is that of the full numbers, with any wraps of the lower half and late packets', () => {
    const leaps = fc.array(fc.tuple(fc.integer({ min: 1, max: 2 ** 30 - 1 }), fc.integer({ min: 0, max: 900 })), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(fc.integer({ min: 100_000, max: 2 ** 32 - 4 }), leaps, (first, list) => {
        const wholes = [first, first + 1, first + 2];
        for (const [leap, midStream] of list) {
          const from = Math.max(...wholes) + leap;
          wholes.push(...Array.from({ length: 6 }, (_, i) => from + i), from + 5 - midStream);
        }
        const { advance, restarts } = progressOf(...wholes.map((whole) => whole % 2 ** 32));
        assert.deepEqual([advance, restarts], [Math.max(...wholes) - first, 0]);
      }),
    );
  });

  test('distinguishes a wrap from a late packet on either side of it', () => {
    const midStream = progressOf(0xfffffffb, 0xfffffffc, 0xffffffff, 2, 0xfffffffe, 3, 4);
    assert.deepEqual([midStream.advance, midStream.wrapped, midStream.furthest], [9, true, 4]);
    assert.equal(progressOf(100, 101, 102, 90, 103).wrapped, false);
    assert.equal(progressOf(...following(1, 5), 0xfffffff0, ...following(6, 5)).wrapped, false);
  });

  test('one or two outliers, anywhere, change nothing', () => {
    const real = following(10_000_000, 20);
    const far = fc.integer({ min: 0, max: 2 ** 32 - 1 }).filter((n) => Math.abs((n - real[0]) | 0) > 2000);
    fc.assert(
      fc.property(far, fc.integer({ min: 1, max: 2 }), fc.nat(20), (sequence, count, index) => {
        const list = [...real.slice(0, index), ...following(sequence, count), ...real.slice(index)];
        const { advance, wrapped, restarts, furthest } = progressOf(...list);
        assert.deepEqual([advance, wrapped, restarts, furthest], [19, false, 0, real[19]]);
      }),
    );
  });

  test('numbers that restart are neither an advance nor a wrap', () => {
    for (const last of [5000, 2 ** 31, 0xc0000000]) {
      const { advance, restarts, wrapped, furthest } = progressOf(last - 10, last - 9, last, 1, 2, 6);
      assert.deepEqual([advance, restarts, wrapped, furthest], [15, 1, false, 6], String(last));
    }
  });

  test('numbers that jump ahead and continue from there are an advance', () => {
    const { advance, restarts, wrapped } = progressOf(1, 2, 3, ...following(0xf0000000, 3));
    assert.deepEqual([advance, restarts, wrapped], [0xf0000002 - 1, 0, false]);
  });

  test('if only one packet in many is recorded, the advance over time is still the rate', () => {
    const { advance, seconds } = progressOf(...following(2 ** 31, 60, 200_000));
    assert.equal(advance / seconds, 200_000);
  });
});
