import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { WordCopy } from '../../src/memory/word-copy.js';

const SEED = 20261121;
const SIZE = 1200;

describe('WordCopy', () => {
  test('copies what set copies and nothing else, from and to any offset, shared memory or not', () => {
    const offset = fc.integer({ min: 0, max: SIZE / 2 });
    const memory = fc.boolean();
    fc.assert(
      fc.property(offset, offset, offset, offset, memory, memory, (skip, start, length, at, sharedFrom, sharedTo) => {
        const make = (shared: boolean): ArrayBuffer | SharedArrayBuffer =>
          shared ? new SharedArrayBuffer(4 * SIZE) : new ArrayBuffer(4 * SIZE);
        const from = new Uint8Array(make(sharedFrom), skip, 2 * SIZE);
        for (let i = 0; i < from.length; i++) from[i] = 1 + i;
        const to = new Uint8Array(make(sharedTo), skip + 1, 2 * SIZE);
        const expected = new Uint8Array(2 * SIZE);
        expected.set(from.subarray(start, start + length), at);
        const copy = new WordCopy(to);
        // Another source in between: the cached view must not be reused.
        copy.copy(expected, 0, 0, 0);
        copy.copy(from, start, start + length, at);
        assert.deepEqual(Uint8Array.from(to), expected);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  test('refuses ranges outside the source or the destination', () => {
    const to = new Uint8Array(16);
    const from = new Uint8Array(64);
    assert.throws(() => new WordCopy(to).copy(from, 0, 17, 0), RangeError);
    assert.throws(() => new WordCopy(to).copy(from, 60, 70, 0), { code: 'BAD_RANGE' });
    const large = new Uint8Array(512);
    assert.throws(() => new WordCopy(large).copy(new Uint8Array(300), 0, 301, 0), { code: 'BAD_RANGE' });
    assert.throws(() => new WordCopy(large).copy(new Uint8Array(600), 0, 513, 0), RangeError);
  });
});
