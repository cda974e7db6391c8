import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { headEnd, INCOMPLETE, MAX_HEAD, TOO_LONG } from '../../../src/mesh/index.js';

const MAX_EMPTY_LINES = 8;

describe('the end of a head', () => {
  it('is behind the first empty line, for all short texts of line ends and others', () => {
    const alphabet = Buffer.from('\r\na\t');
    const length = 8;
    const bytes = Buffer.alloc(length);
    for (let code = 0; code < alphabet.length ** length; code++) {
      for (let i = 0, rest = code; i < length; i++, rest = Math.floor(rest / alphabet.length)) {
        bytes[i] = alphabet[rest % alphabet.length];
      }
      const text = bytes.toString('latin1');
      const begin = /^(?:\r\n)*/.exec(text)?.[0].length ?? 0;
      const found = text.indexOf('\r\n\r\n', begin);
      const expected = found < 0 ? INCOMPLETE : found + 4;
      if (headEnd(bytes, 0, 0) !== expected) assert.equal(headEnd(bytes, 0, 0), expected, JSON.stringify(text));
    }
  });

  it('is found when it comes in parts, however they are cut', () => {
    const bytes = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\nmore');
    for (let cut = 0; cut < bytes.length; cut++) {
      const part = headEnd(bytes.subarray(0, cut), 0, 0);
      assert.equal(part === INCOMPLETE ? headEnd(bytes, 0, cut) : part, bytes.length - 'more'.length);
    }
  });

  it('is at most the maximum behind its beginning', () => {
    const head = (length: number): Buffer => Buffer.from(`${'a'.repeat(length - 4)}\r\n\r\n`);
    assert.equal(headEnd(head(MAX_HEAD), 0, 0), MAX_HEAD);
    assert.equal(headEnd(head(MAX_HEAD + 1), 0, 0), TOO_LONG);
    assert.equal(headEnd(Buffer.alloc(MAX_HEAD, 'a'), 0, 0), INCOMPLETE);
    assert.equal(headEnd(Buffer.alloc(MAX_HEAD + 1, 'a'), 0, 0), TOO_LONG);
  });

  it("isn't an empty line before it, if those are few", () => {
    const empty = '\r\n'.repeat(MAX_EMPTY_LINES);
    assert.equal(headEnd(Buffer.from(empty), 0, 0), INCOMPLETE);
    const bytes = Buffer.from(`${empty}GET / HTTP/1.1\r\n\r\nx`);
    assert.equal(headEnd(bytes, 0, empty.length), bytes.length - 1);
  });

  it('is behind many empty lines: each piece would have all of them looked at again', () => {
    assert.equal(headEnd(Buffer.from('\r\n'.repeat(10_000)), 0, 0), 2 * MAX_EMPTY_LINES + 4);
  });
});
