/** Requests of HTTP/2 as heads of HTTP/1: what may be one, and what is refused before a backend sees it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HeadFault } from '../../../src/mesh/http1/index.js';
import { Http2RequestText } from '../../../src/mesh/http2/request-text.js';

const GET = [':method', 'GET', ':scheme', 'http', ':path', '/x', ':authority', 'a.example.org'];

function read(raw: readonly string[], endsStream = true): { fault: HeadFault; head: Http2RequestText } {
  const head = new Http2RequestText();
  return { fault: head.read(raw, endsStream), head };
}

describe('a request of HTTP/2', () => {
  test('is the head of one of HTTP/1.1, with its cookie in one piece', () => {
    const { fault, head } = read([...GET, 'cookie', 'a=1', 'x-a', '1', 'cookie', 'b=2', 'x-a', '2', 'te', 'Trailers']);
    assert.equal(fault, HeadFault.None);
    assert.equal(head.text, 'GET /x HTTP/1.1\r\nHost: a.example.org\r\nx-a: 1\r\nx-a: 2\r\ncookie: a=1; b=2\r\n\r\n');
    assert.deepEqual([head.count, head.takesTrailers], [4, true]);
  });

  test('has chunks if there is content without a length', () => {
    assert.match(read(GET, false).head.text, /\r\nTransfer-Encoding: chunked\r\n\r\n$/);
    assert.doesNotMatch(read([...GET, 'content-length', '3'], false).head.text, /chunked/);
    assert.doesNotMatch(read(GET).head.text, /chunked/);
  });

  test('has a host if there is no authority', () => {
    const { fault, head } = read([...GET.slice(0, 6), 'host', 'b.example.org']);
    assert.equal(fault, HeadFault.None);
    assert.match(head.text, /\r\nHost: b\.example\.org\r\n\r\n$/);
    assert.equal(read([...GET, 'host', 'A.Example.org']).fault, HeadFault.None);
  });

  const REFUSED: readonly (readonly [string, HeadFault, readonly string[]])[] = [
    ['a field that ends with its line', HeadFault.BadFieldValue, [...GET, 'x', 'a\r\nTransfer-Encoding: chunked']],
    ['a line feed alone', HeadFault.BadFieldValue, [...GET, 'x', 'a\nb: c']],
    ['a NUL', HeadFault.BadFieldValue, [...GET, 'x', 'a\0b']],
    ['a character that is no byte', HeadFault.BadFieldValue, [...GET, 'x', '\u560a']],
    ['a name with a colon', HeadFault.BadFieldName, [...GET, 'x: y\r\nz', '1']],
    ['a name with capitals', HeadFault.BadFieldName, [...GET, 'X', '1']],
    ['a name with a space', HeadFault.BadFieldName, [...GET, 'x ', '1']],
    ['a name without characters', HeadFault.BadFieldName, [...GET, '', '1']],
    ['a pseudo-field behind others', HeadFault.BadFieldName, [...GET.slice(0, 6), 'x', '1', ':authority', 'a']],
    ['a transfer coding', HeadFault.ConnectionField, [...GET, 'transfer-encoding', 'chunked']],
    ['a connection', HeadFault.ConnectionField, [...GET, 'connection', 'close']],
    ['an upgrade', HeadFault.ConnectionField, [...GET, 'upgrade', 'websocket']],
    ['a connection of proxies', HeadFault.ConnectionField, [...GET, 'proxy-connection', 'keep-alive']],
    ['codings other than trailers', HeadFault.ConnectionField, [...GET, 'te', 'gzip']],
    ['a method with a request line', HeadFault.BadRequestLine, [':method', 'GET / HTTP/1.1\r\nX:', ...GET.slice(2)]],
    ['a method with a target', HeadFault.BadRequestLine, [':method', 'GET /admin', ...GET.slice(2)]],
    ['a path with a space', HeadFault.BadRequestLine, [...GET.slice(0, 4), ':path', '/ HTTP/1.1', ...GET.slice(6)]],
    ['a path with lines', HeadFault.BadRequestLine, [...GET.slice(0, 4), ':path', '/\r\nX: y', ...GET.slice(6)]],
    ['a path that is a URL', HeadFault.BadRequestLine, [...GET.slice(0, 4), ':path', 'http://b/', ...GET.slice(6)]],
    ['a path without a slash', HeadFault.BadRequestLine, [...GET.slice(0, 4), ':path', '@b/', ...GET.slice(6)]],
    ['a star for GET', HeadFault.BadRequestLine, [...GET.slice(0, 4), ':path', '*', ...GET.slice(6)]],
    ['no path', HeadFault.BadRequestLine, [...GET.slice(0, 4), ...GET.slice(6)]],
    ['two paths', HeadFault.BadRequestLine, [...GET, ':path', '/y']],
    ['a pseudo-field of responses', HeadFault.BadRequestLine, [':status', '200', ...GET]],
    ['a scheme with a URL', HeadFault.BadRequestLine, [':method', 'GET', ':scheme', 'http://b/?', ...GET.slice(4)]],
    ['a long path', HeadFault.LongTarget, [...GET.slice(0, 4), ':path', `/${'a'.repeat(8192)}`, ...GET.slice(6)]],
    ['another host', HeadFault.BadHost, [...GET, 'host', 'b.example.org']],
    ['two hosts', HeadFault.BadHost, [...GET, 'host', 'a.example.org', 'host', 'a.example.org']],
    ['no host', HeadFault.BadHost, GET.slice(0, 6)],
    ['a host with lines', HeadFault.BadHost, [...GET.slice(0, 6), ':authority', 'a\r\nX: y']],
    ['CONNECT', HeadFault.BadMethod, [':method', 'CONNECT', ':authority', 'a.example.org:80']],
    ['more than a head may have', HeadFault.LongHead, [...GET, 'x', 'a'.repeat(33_000)]],
  ];
  for (const [what, fault, raw] of REFUSED) {
    test(`is refused with ${what}`, () => assert.equal(read(raw).fault, fault));
  }
});
