import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { getWord } from '../../src/memory/word.js';

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
});
