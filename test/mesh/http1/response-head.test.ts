/** Heads of responses: where their content ends, and what is refused. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { faultName, HeadFault, ResponseHead } from '../../../src/mesh/http1/index.js';

function read(line: string, ...fields: readonly string[]): { head: ResponseHead; fault: HeadFault } {
  const bytes = Buffer.from(`${[line, ...fields].join('\r\n')}\r\n\r\n`, 'latin1');
  const head = new ResponseHead();
  return { head, fault: head.read(bytes, 0, bytes.length) };
}

describe('the head of a response (RFC 9112 section 4)', () => {
  test('has a status, with or without a reason', () => {
    for (const line of ['HTTP/1.1 404 Not Found', 'HTTP/1.1 404 ', 'HTTP/1.1 404', 'HTTP/1.1 404 \u00e4']) {
      const { head, fault } = read(line);
      assert.deepEqual([faultName(fault), head.status], ['none', 404], line);
    }
  });

  test('has content by its length, in chunks, or up to the end of the connection (section 6.3)', () => {
    const cases: readonly (readonly [string, readonly string[], boolean, boolean])[] = [
      ['HTTP/1.1 200 OK', [], false, true],
      ['HTTP/1.1 200 OK', ['Content-Length: 0'], false, false],
      ['HTTP/1.1 200 OK', ['Content-Length: 5'], false, true],
      ['HTTP/1.1 200 OK', ['Content-Length: 5'], true, false],
      ['HTTP/1.1 200 OK', ['Transfer-Encoding: chunked'], true, false],
      ['HTTP/1.1 304 Not Modified', ['Content-Length: 5'], false, false],
      ['HTTP/1.1 204 No Content', [], false, false],
      ['HTTP/1.1 100 Continue', [], false, false],
    ];
    for (const [line, fields, isHead, has] of cases) {
      const { head, fault } = read(line, ...fields);
      assert.deepEqual([faultName(fault), head.hasContent(isHead)], ['none', has], `${line} ${fields.join()}`);
    }
  });

  test('is one before the final one with 1xx, except 101', () => {
    assert.equal(read('HTTP/1.1 103 Early Hints').head.isInterim, true);
    assert.equal(read('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket').head.isInterim, false);
    assert.equal(read('HTTP/1.1 200 OK').head.isInterim, false);
  });

  test('keeps the connection in HTTP/1.1 unless it says close', () => {
    assert.equal(read('HTTP/1.1 200 OK').head.keepsAlive, true);
    assert.equal(read('HTTP/1.1 200 OK', 'Connection: close').head.keepsAlive, false);
    assert.equal(read('HTTP/1.0 200 OK').head.keepsAlive, false);
    assert.equal(read('HTTP/1.0 200 OK', 'Connection: keep-alive').head.keepsAlive, true);
  });

  test('is refused where others could find another end', () => {
    const cases: readonly (readonly [keyof typeof HeadFault, string, ...string[]])[] = [
      ['BadStatusLine', 'HTTP/2 200 OK'],
      ['BadStatusLine', 'HTTP/1.1  200 OK'],
      ['BadStatusLine', 'HTTP/1.1 20 OK'],
      ['BadStatusLine', 'HTTP/1.1 099 x'],
      ['BadStatusLine', 'HTTP/1.1 2000 x'],
      ['BadStatusLine', 'SSH-2.0-OpenSSH_9.2'],
      ['BadVersion', 'HTTP/1.2 200 OK'],
      ['BadLineEnd', 'HTTP/1.1 200 a\nb'],
      ['LengthAndCoding', 'HTTP/1.1 200 OK', 'Content-Length: 5', 'Transfer-Encoding: chunked'],
      ['LengthAndCoding', 'HTTP/1.1 204 No Content', 'Content-Length: 5'],
      ['LengthAndCoding', 'HTTP/1.1 101 x', 'Transfer-Encoding: chunked'],
      ['BadContentLength', 'HTTP/1.1 200 OK', 'Content-Length: 5', 'Content-Length: 6'],
      ['BadTransferCoding', 'HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked'],
      ['FoldedField', 'HTTP/1.1 200 OK', 'X: a', ' b'],
      ['BadConnectionOption', 'HTTP/1.1 200 OK', 'Connection: content-length'],
    ];
    for (const [fault, line, ...fields] of cases) {
      assert.equal(faultName(read(line, ...fields).fault), faultName(HeadFault[fault]), `${line} ${fields.join()}`);
    }
  });
});
