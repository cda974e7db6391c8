/** Single fields that a proxy reads: Cookie, Via, Keep-Alive. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  cookieValue,
  type FieldLines,
  HeadFault,
  isVia,
  keepAliveTimeout,
  NO_LENGTH,
  RequestHead,
  ResponseHead,
} from '../../../src/mesh/http1/index.js';

function read(...lines: readonly string[]): { bytes: Buffer; fields: FieldLines } {
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`);
  const head = new RequestHead();
  assert.equal(head.read(bytes, 0, bytes.length), HeadFault.None);
  return { bytes, fields: head.fields };
}

describe('a cookie (RFC 6265 section 4.2)', () => {
  const CASES: readonly (readonly [readonly string[], string | undefined])[] = [
    [[], undefined],
    [['Cookie: task=1'], '1'],
    [['Cookie: a=b; task=1;c=d'], '1'],
    [['Cookie: a=b;task=1'], '1'],
    [['Cookie: task=1; task=2'], '1'],
    [['Cookie: a=b', 'Cookie: task=2 '], '2'],
    [['Cookie: task=a=b'], 'a=b'],
    [['Cookie: task='], ''],
    [['Cookie: task="1 2"'], '"1 2"'],
    [['Cookie: xtask=1'], undefined],
    [['Cookie: Task=1'], undefined],
    [['Cookie: task'], undefined],
    [['Cookie: tas'], undefined],
    [['Cookie: a=task=1'], undefined],
    [['Cookie: ;;; ;task=1;'], '1'],
    [['X-Cookie: task=1'], undefined],
  ];
  test('has the value of its first occurrence', () => {
    for (const [lines, expected] of CASES) {
      const { bytes, fields } = read(...lines);
      assert.equal(cookieValue(bytes, fields, 'task'), expected, lines.join());
    }
  });
});

describe('Via (RFC 9110 section 7.6.3)', () => {
  const CASES: readonly (readonly [readonly string[], boolean])[] = [
    [[], false],
    [['Via: 1.1 vtep'], true],
    [['Via: HTTP/1.1 vtep (a comment)'], true],
    [['Via: 1.0 a, 1.1\tvtep , 1.1 b'], true],
    [['Via: 1.0 a', 'Via: 1.1 vtep'], true],
    [['Via: 1.0 a (x \\( ), 1.1 vtep), 1.1 b'], false],
    [['Via: 1.0 a (x (y)), 1.1 vtep'], true],
    [['Via: 1.1 vtep2'], false],
    [['Via: 1.1 a-vtep'], false],
    [['Via: vtep 1.1'], false],
    [['Via: vtep'], false],
    [['Via: ,,('], false],
  ];
  test('names those that received a request, apart from comments', () => {
    for (const [lines, expected] of CASES) {
      const { bytes, fields } = read(...lines);
      assert.equal(isVia(bytes, fields, 'vtep'), expected, lines.join());
    }
  });
});

describe('Keep-Alive', () => {
  test('says how many seconds a connection stays', () => {
    for (const [value, expected] of [
      ['timeout=5', 5],
      ['max=100, timeout=72', 72],
      ['Timeout=0', 0],
      ['timeout=', NO_LENGTH],
      ['timeout=-1', NO_LENGTH],
      ['max=100', NO_LENGTH],
      ['timeout', NO_LENGTH],
    ] as const) {
      const bytes = Buffer.from(`HTTP/1.1 200 OK\r\nKeep-Alive: ${value}\r\n\r\n`);
      const head = new ResponseHead();
      assert.equal(head.read(bytes, 0, bytes.length), HeadFault.None);
      assert.equal(keepAliveTimeout(bytes, head.fields), expected, value);
    }
  });
});
