/** How far sequence numbers went, by their lower halves. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SequenceProgress } from '../../src/inspect/sequence-progress.js';

function progressOf(first: number, ...more: number[]): SequenceProgress {
  const progress = new SequenceProgress(first);
  for (const sequence of more) progress.add(sequence);
  return progress;
}

describe('SequenceProgress', () => {
  test('the advance is that of the whole numbers, however often their lower halves wrap', () => {
    const steps = fc.array(fc.integer({ min: -1000, max: 2 ** 30 - 1 }), { maxLength: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 100_000, max: 2 ** 34 }), steps, (first, list) => {
        let whole = first;
        const progress = new SequenceProgress(first % 2 ** 32);
        for (const step of list) {
          whole += step;
          progress.add(((whole % 2 ** 32) + 2 ** 32) % 2 ** 32);
        }
        assert.deepEqual([progress.advance, progress.restarts], [whole - first, 0]);
      }),
    );
  });

  test('a wrap is told from a late packet on either side of it', () => {
    const late = progressOf(0xffffffff, 2, 0xfffffffe, 3);
    assert.deepEqual([late.advance, late.wrapped], [4, true]);
    assert.equal(progressOf(100, 90, 101).wrapped, false);
  });

  test('numbers that begin anew are no advance and no wrap', () => {
    for (const last of [5000, 2 ** 31, 0xc0000000]) {
      const progress = progressOf(last - 10, last, 1, 6);
      assert.deepEqual([progress.advance, progress.restarts, progress.wrapped], [15, 1, false], String(last));
    }
  });

  test('numbers that jump ahead are an advance', () => {
    const { advance, restarts, wrapped } = progressOf(1, 0xf0000000);
    assert.deepEqual([advance, restarts, wrapped], [0xf0000000 - 1, 0, false]);
  });
});
