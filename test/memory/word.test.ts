import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { getWord, putWord } from '../../src/memory/word.js';

const SEED = 20261121;

describe('words in network order', () => {
  test('read like DataView at any offset, signed', () => {
    const bytes = fc.uint8Array({ minLength: 4, maxLength: 40 });
    fc.assert(
      fc.property(bytes, fc.nat(36), (array, value) => {
        const at = value % (array.length - 3);
        const view = new DataView(array.buffer, array.byteOffset);
        assert.equal(getWord(array, at), view.getInt32(at));
      }),
      { seed: SEED },
    );
  });

  test('are written like DataView, signed or unsigned, without touching other bytes', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }), fc.nat(8), (value, at) => {
        const written = new Uint8Array(12).fill(0x5a);
        putWord(written, at, value);
        const wanted = new Uint8Array(12).fill(0x5a);
        new DataView(wanted.buffer).setUint32(at, value);
        assert.deepEqual(written, wanted);
        assert.equal(getWord(written, at), value | 0);
      }),
      { seed: SEED, numRuns: 1000 },
    );
  });
});
