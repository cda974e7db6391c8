/** Fields between HTTP/1 and HTTP/2. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FORWARDED, HeadFault, RequestHead, ResponseHead } from '../../../src/mesh/http1/index.js';
import { passedFields, requestFields, responseFields, responseText } from '../../../src/mesh/http2/index.js';

const ADDED = { lines: 'X-Forwarded-For: 192.0.2.1\r\nVia: 1.1 vtep\r\n', dropped: FORWARDED };

describe('a request for a backend of HTTP/2', () => {
  test('has the host as it was sent, and only what goes on', () => {
    const bytes = Buffer.from(
      'POST /api/x?y HTTP/1.1\r\nHost: A.example.org:80\r\nConnection: X-Own\r\nX-Own: 1\r\nTransfer-Encoding: chunked\r\n' +
        'X-Forwarded-For: 6.6.6.6\r\nVia: 1.1 a\r\nX-Two: 1\r\nX-Two: 2\r\nUser-Agent: a\r\nUser-Agent: b\r\n__proto__: x\r\n\r\n',
    );
    const head = new RequestHead();
    assert.equal(head.read(bytes, 0, bytes.length), HeadFault.None);
    const fields = requestFields(bytes, head, ADDED, true, { length: 4, text: '/' });
    assert.deepEqual(Object.entries(fields), [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':authority', 'A.example.org:80'],
      [':path', '/x?y'],
      ['via', ['1.1 a', '1.1 vtep']],
      ['x-two', ['1', '2']],
      ['user-agent', 'a'],
      ['__proto__', 'x'],
      ['te', 'trailers'],
      ['x-forwarded-for', '192.0.2.1'],
    ]);
  });
});

describe('a response', () => {
  test('of HTTP/1 loses what is about its connection', () => {
    const bytes = Buffer.from(
      'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n',
    );
    const head = new ResponseHead();
    assert.equal(head.read(bytes, 0, bytes.length), HeadFault.None);
    assert.deepEqual(Object.entries(responseFields(bytes, head)), [
      [':status', '200'],
      ['set-cookie', ['a', 'b']],
    ]);
  });

  test('of HTTP/2 is passed on, or becomes one of HTTP/1', () => {
    const raw = [':status', '404', 'x-a', '1', 'connection', 'close', 'x-a', '2'];
    assert.deepEqual(Object.entries(passedFields(raw) ?? {}), [
      ['x-a', ['1', '2']],
      [':status', '404'],
    ]);
    assert.equal(
      responseText(raw, 'Connection: close\r\n'),
      'HTTP/1.1 404 Not Found\r\nx-a: 1\r\nx-a: 2\r\nConnection: close\r\n\r\n',
    );
  });

  test('of HTTP/2 with lines in a value, or without a status that there is, is none', () => {
    for (const raw of [[':status', '200', 'x', 'a\r\nb: c'], [':status', '2000'], [':status', '600'], ['x', 'y'], []]) {
      assert.equal(passedFields(raw), undefined);
      assert.equal(responseText(raw, ''), undefined);
    }
  });
});
