/** Heads of requests: what is read, and what is refused because two servers could read it differently. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { faultName, HeadFault, Method, NO_LENGTH, RequestHead, statusOf } from '../../../src/mesh/http1/index.js';

/** Reads a head whose lines end with CR and LF; its bytes begin somewhere in the middle of a buffer. */
function read(text: string): { head: RequestHead; fault: HeadFault; bytes: Buffer } {
  const before = 'xy\r\n';
  const bytes = Buffer.from(`${before}${text}GET /next HTTP/1.1\r\n`, 'latin1');
  const head = new RequestHead();
  const fault = head.read(bytes, before.length, before.length + Buffer.byteLength(text, 'latin1'));
  return { head, fault, bytes };
}

function request(line: string, ...fields: readonly string[]): string {
  return `${[line, ...fields].join('\r\n')}\r\n\r\n`;
}

const HOST = 'Host: a.example.org';

describe('the head of a request (RFC 9112 section 3)', () => {
  test('has a method, a target, a version, and a host without its case, port and last dot', () => {
    const { head, fault, bytes } = read(request('GET /a/b?c=/d HTTP/1.1', 'Host: A.Example.ORG.:8080', 'Accept: */*'));
    assert.equal(fault, HeadFault.None);
    assert.deepEqual([head.method, head.minor, head.host, head.keepsAlive], [Method.Get, 1, 'a.example.org', true]);
    assert.equal(bytes.toString('latin1', head.targetStart, head.targetEnd), '/a/b?c=/d');
    assert.equal(bytes.toString('latin1', head.pathStart, head.pathEnd), '/a/b');
    assert.deepEqual([head.content.length, head.content.isChunked, head.hasContent], [NO_LENGTH, false, false]);
  });

  test('may follow empty lines (section 2.2)', () => {
    const { head, fault, bytes } = read(`\r\n\r\n${request('GET / HTTP/1.1', HOST)}`);
    assert.equal(fault, HeadFault.None);
    assert.equal(bytes.toString('latin1', head.start, head.methodEnd), 'GET');
  });

  test('has the host of its target, if that is absolute (section 3.2.2)', () => {
    const { head, fault, bytes } = read(request('GET http://B.example.org:81/x?y HTTP/1.1', HOST));
    assert.deepEqual([fault, head.host, head.isAbsolute], [HeadFault.None, 'b.example.org', true]);
    assert.equal(bytes.toString('latin1', head.pathStart, head.pathEnd), '/x');
    const bare = read(request('GET http://b.example.org HTTP/1.1', HOST));
    assert.deepEqual([bare.fault, bare.head.pathStart], [HeadFault.None, bare.head.targetEnd]);
  });

  test('keeps the connection in HTTP/1.1 unless it says close, and in HTTP/1.0 only if it says so (section 9.3)', () => {
    const cases: readonly (readonly [string, string, boolean])[] = [
      ['1.1', 'Accept: x', true],
      ['1.1', 'Connection: foo, Close', false],
      ['1.0', 'Accept: x', false],
      ['1.0', 'Connection: Keep-Alive', true],
      ['1.0', 'Connection: keep-alive, close', false],
    ];
    for (const [version, field, keeps] of cases) {
      const { head, fault } = read(request(`GET / HTTP/${version}`, HOST, field));
      assert.deepEqual([fault, head.keepsAlive], [HeadFault.None, keeps], `${version} ${field}`);
    }
  });

  test('names the fields that end here (RFC 9110 section 7.6.1)', () => {
    const { head, fault } = read(request('GET / HTTP/1.1', HOST, 'Connection: X-Own, ,close', 'Connection: X-More'));
    assert.equal(fault, HeadFault.None);
    assert.deepEqual(head.connection.dropped, ['x-own', 'x-more']);
    assert.equal(read(request('GET / HTTP/1.1', HOST)).head.connection.dropped.length, 0);
  });

  test('asks for WebSocket with both fields, by GET (RFC 6455 section 4.1)', () => {
    const upgrade = ['Upgrade: WebSocket', 'Connection: keep-alive, Upgrade'];
    assert.equal(read(request('GET / HTTP/1.1', HOST, ...upgrade)).head.isWebSocket, true);
    for (const other of [
      request('GET / HTTP/1.1', HOST, 'Upgrade: websocket'),
      request('POST / HTTP/1.1', HOST, ...upgrade),
      request('GET / HTTP/1.0', HOST, ...upgrade),
      request('GET / HTTP/1.1', HOST, 'Upgrade: h2c', 'Connection: Upgrade'),
      request('GET / HTTP/1.1', HOST, ...upgrade, 'Content-Length: 1'),
    ]) {
      const { head, fault } = read(other);
      assert.deepEqual([fault, head.isWebSocket], [HeadFault.None, false], other);
    }
  });

  test('has content of a length or in chunks, and may wait for 100', () => {
    const sized = read(request('POST / HTTP/1.1', HOST, 'Content-Length: 0012', 'Expect: 100-Continue'));
    assert.deepEqual([sized.fault, sized.head.content.length, sized.head.expectsContinue], [HeadFault.None, 12, true]);
    const chunked = read(request('POST / HTTP/1.1', HOST, 'Transfer-Encoding: Chunked'));
    assert.deepEqual([chunked.fault, chunked.head.content.isChunked], [HeadFault.None, true]);
    assert.equal(read(request('POST / HTTP/1.1', HOST, 'Content-Length: 0')).head.hasContent, false);
  });

  const REFUSED: Readonly<
    Record<
      Exclude<keyof typeof HeadFault, 'None' | 'LongHead' | 'BadStatusLine' | 'ConnectionField'>,
      readonly string[]
    >
  > = {
    BadRequestLine: [
      request('GET  / HTTP/1.1', HOST),
      request('GET /a b HTTP/1.1', HOST),
      request(' GET / HTTP/1.1', HOST),
      request('GET / HTTP/1.1 ', HOST),
      request('GET / http/1.1', HOST),
      request('GET / HTTP/1.10', HOST),
      request('GET / ICE/1.0', HOST),
      request('GET /', HOST),
      request('G\u00c4T / HTTP/1.1', HOST),
      request('GET /\u00e4 HTTP/1.1', HOST),
      request('GET /\t HTTP/1.1', HOST),
      request('GET a.example.org/ HTTP/1.1', HOST),
      request('GET ftp://a.example.org/ HTTP/1.1', HOST),
      request('GET * HTTP/1.1', HOST),
      request(`${'M'.repeat(33)} / HTTP/1.1`, HOST),
    ],
    LongTarget: [request(`GET /${'a'.repeat(8192)} HTTP/1.1`, HOST)],
    BadVersion: [request('GET / HTTP/2.0', HOST), request('GET / HTTP/0.9', HOST), request('GET / HTTP/1.2', HOST)],
    BadFieldName: [
      request('GET / HTTP/1.1', HOST, 'Content-Length : 5'),
      request('GET / HTTP/1.1', HOST, 'Content Length: 5'),
      request('GET / HTTP/1.1', HOST, ': x'),
      request('GET / HTTP/1.1', HOST, 'X\u0000Y: z'),
      request('GET / HTTP/1.1', HOST, 'Tran\u017ffer-Encoding: chunked'),
    ],
    BadFieldValue: [
      request('GET / HTTP/1.1', HOST, 'X: a\u0000b'),
      request('GET / HTTP/1.1', HOST, 'X: a\u001b[31m'),
      request('GET / HTTP/1.1', HOST, 'X: \u007f'),
    ],
    FoldedField: [
      request('GET / HTTP/1.1', HOST, 'X: a', ' b'),
      request('GET / HTTP/1.1', HOST, 'Transfer-Encoding:', '\tchunked'),
      request('GET / HTTP/1.1', ' X: a', HOST),
    ],
    BadLineEnd: [
      request('GET / HTTP/1.1', HOST, 'X: a\nContent-Length: 5'),
      request('GET / HTTP/1.1', HOST, 'X: a\rContent-Length: 5'),
      request('GET / HTTP/1.1\nX: y', HOST),
      request('GET / HTTP/1.1', HOST, 'no colon'.replace(' ', '')),
    ],
    ManyFields: [request('GET / HTTP/1.1', HOST, ...Array.from({ length: 128 }, (_value, i) => `X-${i}: y`))],
    BadHost: [
      request('GET / HTTP/1.1'),
      request('GET / HTTP/1.1', HOST, HOST),
      request('GET / HTTP/1.1', 'Host:'),
      request('GET / HTTP/1.1', 'Host: .'),
      request('GET / HTTP/1.1', 'Host: a b'),
      request('GET / HTTP/1.1', 'Host: a/b'),
      request('GET / HTTP/1.1', 'Host: user@a'),
      request('GET / HTTP/1.1', 'Host: a:b'),
      request('GET / HTTP/1.1', 'Host: a:123456'),
      request('GET / HTTP/1.1', 'Host: [::1'),
      request('GET / HTTP/1.1', `Host: ${'a'.repeat(256)}`),
      request('GET http://user@a/ HTTP/1.1', HOST),
      request('GET http:/// HTTP/1.1', HOST),
    ],
    BadContentLength: [
      ...['+5', '-5', '5, 5', '5 5', '0x5', '5.0', '', '9007199254740993', '1'.repeat(400)].map((length) =>
        request('POST / HTTP/1.1', HOST, `Content-Length: ${length}`),
      ),
      request('POST / HTTP/1.1', HOST, 'Content-Length: 5', 'Content-Length: 5'),
      request('POST / HTTP/1.1', HOST, 'Content-Length: 5', 'content-length: 6'),
    ],
    LengthAndCoding: [
      request('POST / HTTP/1.1', HOST, 'Content-Length: 5', 'Transfer-Encoding: chunked'),
      request('POST / HTTP/1.1', HOST, 'Transfer-Encoding: chunked', 'Content-Length: 5'),
    ],
    BadTransferCoding: [
      ...[
        'identity',
        'gzip, chunked',
        'chunked, chunked',
        'chunked, identity',
        'xchunked',
        '"chunked"',
        '',
        'chunked;x',
      ].map((coding) => request('POST / HTTP/1.1', HOST, `Transfer-Encoding: ${coding}`)),
      request('POST / HTTP/1.1', HOST, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
      request('POST / HTTP/1.0', HOST, 'Transfer-Encoding: chunked'),
    ],
    BadConnectionOption: [
      ...['Content-Length', 'close, host', 'Transfer-Encoding', 'X-Forwarded-For', 'a b', '"x"'].map((option) =>
        request('GET / HTTP/1.1', HOST, `Connection: ${option}`),
      ),
    ],
    BadExpectation: [
      request('GET / HTTP/1.1', HOST, 'Expect: 200-ok'),
      request('GET / HTTP/1.1', HOST, 'Expect: 100-continue', 'Expect: 100-continue'),
    ],
    BadMethod: [request('CONNECT a.example.org:443 HTTP/1.1', HOST)],
  };
  for (const [name, requests] of Object.entries(REFUSED)) {
    const expected = HeadFault[name as keyof typeof REFUSED];
    test(`is refused: ${faultName(expected)}, with status ${statusOf(expected)}`, () => {
      for (const text of requests) {
        const { fault } = read(text);
        assert.equal(faultName(fault), faultName(expected), JSON.stringify(text.slice(0, 100)));
      }
    });
  }

  test('is read, or refused, but never thrown, whatever bytes it has', () => {
    const parts = [
      ...Object.values(REFUSED).flat(),
      request('GET / HTTP/1.1', HOST, 'Connection: x', 'Upgrade: websocket'),
    ];
    const head = new RequestHead();
    let state = 7;
    const random = (below: number): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 1) % below;
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(parts[random(parts.length)].slice(0, 2000), 'latin1');
      for (let k = random(4); k >= 0; k--)
        bytes[random(bytes.length)] = random(4) === 0 ? random(256) : '\r\n :,/'.charCodeAt(random(6));
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) continue;
      const fault = head.read(bytes, 0, end + 4);
      assert.ok(fault >= HeadFault.None && fault <= HeadFault.BadMethod);
      if (fault === HeadFault.None) {
        assert.ok(head.pathStart <= head.pathEnd && head.pathEnd <= head.targetEnd && head.targetEnd < head.end);
        assert.doesNotMatch(bytes.toString('latin1', head.start, head.end - 4), /[^\r]\n|\r[^\n]|\n[ \t]/);
      }
    }
  });
});
