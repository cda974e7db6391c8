/** Hexadecimal to bytes and back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VtepError } from '../../src/error.js';
import { decodeHex, encodeHex } from '../../src/memory/hex.js';

const SEED = 20261121;

test('encodes any bytes as node does, and decodes either case', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const hex = encodeHex(bytes);
      assert.equal(hex, Buffer.from(bytes).toString('hex'));
      assert.deepEqual(decodeHex(hex), bytes);
      assert.deepEqual(decodeHex(hex.toUpperCase()), bytes);
    }),
    { seed: SEED },
  );
});

test('refuses anything else, with an error that does not quote it', () => {
  for (const text of ['4', '4c6', '4g', '0x4c6f', '4c 6f', '4c6f\n', '-1', '+1', '1.']) {
    assert.throws(
      () => decodeHex(text),
      (error) => error instanceof VtepError && error.code === 'BAD_HEX' && !error.message.includes(text),
      text,
    );
  }
});

test('decodes to an array with its own buffer, so that the garbage collector leaves no copy of a key', () => {
  const { buffer, byteLength } = decodeHex('4c6f');
  assert.equal(buffer.byteLength, byteLength);
});
