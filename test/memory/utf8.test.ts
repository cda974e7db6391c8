import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { decodeText, encodeText, isAscii, textLength } from '../../src/memory/internal.js';

test('texts come back from their bytes, which are as many as said', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const bytes = encodeText(text);
      assert.equal(decodeText(bytes, 0, bytes.length), text);
      assert.equal(textLength(text), bytes.length);
      assert.equal(isAscii(text), bytes.length === text.length);
    }),
  );
});

test('bytes that are not UTF-8 give no text', () => {
  for (const bytes of [[0xff], [0xc3], [0x61, 0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
    assert.equal(decodeText(Uint8Array.from(bytes), 0, bytes.length), undefined);
  }
});

test('a lone surrogate is encoded as U+FFFD', () => {
  assert.deepEqual([...encodeText('\ud800')], [0xef, 0xbf, 0xbd]);
  assert.equal(textLength('\ud800'), 3);
});
