/** Content in chunks: where it ends however it is cut, and what is refused. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ChunkedContent } from '../../../src/mesh/http1/index.js';

/** Reads a text in pieces of a length; what came after the end isn't read. */
function read(text: string, piece: number): { data: string; taken: number; content: ChunkedContent } {
  const bytes = Buffer.from(text, 'latin1');
  const content = new ChunkedContent();
  let data = '';
  let at = 0;
  while (at < bytes.length && !content.isDone && !content.isBad) {
    const next = content.read(bytes, at, Math.min(bytes.length, at + piece));
    data += bytes.toString('latin1', content.dataStart, content.dataEnd);
    at = next;
  }
  return { data, taken: at, content };
}

describe('content in chunks (RFC 9112 section 7.1)', () => {
  const TEXT = '4\r\nWiki\r\n6;a="b";c\r\npedia \r\nA\r\n0123456789\r\n000\r\nX-Sum: 5\r\nY:\r\n\r\n';

  test('ends where its last line does, in pieces of any length', () => {
    for (let piece = 1; piece <= TEXT.length; piece++) {
      const { data, taken, content } = read(`${TEXT}GET /next`, piece);
      assert.deepEqual([data, taken, content.isDone], ['Wikipedia 0123456789', TEXT.length, true], String(piece));
    }
  });

  test('that is cut anywhere is neither at its end nor bad', () => {
    for (let length = 0; length < TEXT.length; length++) {
      const { content } = read(TEXT.slice(0, length), 7);
      assert.deepEqual([content.isDone, content.isBad], [false, false], String(length));
    }
  });

  test('can be followed by that of another message', () => {
    const { content } = read('1\r\nx\r\n0\r\n\r\n', 100);
    content.begin();
    const bytes = Buffer.from('0\r\n\r\n');
    assert.deepEqual([content.read(bytes, 0, bytes.length), content.isDone], [5, true]);
  });

  const REFUSED: Readonly<Record<string, string>> = {
    'a line that ends with LF alone': '4\nWiki\r\n0\r\n\r\n',
    'data that end with LF alone': '4\r\nWiki\n0\r\n\r\n',
    'data that are longer than their size': '4\r\nWikis\r\n0\r\n\r\n',
    'a size with a prefix': '0x4\r\nWiki\r\n0\r\n\r\n',
    'a size with a sign': '+4\r\nWiki\r\n0\r\n\r\n',
    'a size behind a space': ' 4\r\nWiki\r\n0\r\n\r\n',
    'a size before a space': '4 \r\nWiki\r\n0\r\n\r\n',
    'no size': '\r\nWiki\r\n0\r\n\r\n',
    'a size of more than 52 bits': '10000000000000\r\n',
    'a size with too many zeros': `${'0'.repeat(14)}\r\n\r\n`,
    'a line break in an extension': '4;a\nb\r\nWiki\r\n0\r\n\r\n',
    'extensions of more than 4 KiB': `4;${'a'.repeat(5000)}\r\nWiki\r\n0\r\n\r\n`,
    'trailers of more than 8 KiB': `0\r\nX: ${'a'.repeat(9000)}\r\n\r\n`,
    'a trailer that continues the one before': '0\r\nX: a\r\n b\r\n\r\n',
    'a trailer without a colon': '0\r\nX\r\n\r\n',
    'a trailer with a control character': '0\r\nX: \u0001\r\n\r\n',
    'an end of CR alone': '0\r\n\rX',
  };
  for (const [what, text] of Object.entries(REFUSED)) {
    test(`is refused with ${what}`, () => {
      for (const piece of [1, 3, text.length]) assert.equal(read(text, piece).content.isBad, true);
    });
  }
});
