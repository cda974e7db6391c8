import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CommentText } from '../../../src/cli/extcap/comment-text.js';

function shown({ bytes, length }: CommentText): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length));
}

describe('the text of a comment', () => {
  test('has integers and hexadecimal values as JavaScript formats them', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(9999), (value, small) => {
        const text = new CommentText().text('a ').integer(value).text(' ').hex(value).text(' ').integer(small);
        assert.equal(shown(text), `a ${value} 0x${value.toString(16).padStart(8, '0')} ${small}`);
      }),
    );
    for (const value of [0, 9, 10, 99, 100, 999_999_999, 1_000_000_000, 4_294_967_295]) {
      assert.equal(shown(new CommentText().integer(value)), String(value));
    }
  });

  test('has names in any script, and starts anew after clear', () => {
    const text = new CommentText().text('before');
    assert.equal(shown(text.clear().text('网络 größe').integer(1)), '网络 größe1');
  });

  test('leaves out what does not fit, but no half of a character', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('ö'.repeat(700)))), (parts) => {
        const text = new CommentText();
        for (const part of parts) text.text(part);
        assert.ok(text.length <= text.bytes.length);
        assert.doesNotThrow(() => shown(text));
      }),
    );
  });
});
