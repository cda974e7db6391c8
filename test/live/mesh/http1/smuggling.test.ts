/**
 * Requests that two servers could read differently: not a byte of them reaches a backend. Where Node's own server (llhttp)
 * refuses one, the front does too.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { ChunkedContent, HeadFault, headEnd, RequestHead } from '../../../../src/mesh/http1/index.js';
import { MeshBench } from './mesh-bench.js';

const HOST = 'Host: a.example.org\r\n';
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: a.example.org\r\n\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

/** Whole requests, byte for byte. */
const REFUSED: Readonly<Record<string, string>> = {
  'a length and a coding': `POST / HTTP/1.1\r\n${HOST}Content-Length: 4\r\n${CHUNKED}\r\n0\r\n\r\n${HIDDEN}`,
  'a coding and a length': `POST / HTTP/1.1\r\n${HOST}${CHUNKED}Content-Length: 4\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'two lengths': `POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\nContent-Length: 44\r\n\r\n${HIDDEN}`,
  'a list of lengths': `POST / HTTP/1.1\r\n${HOST}Content-Length: 0, 0\r\n\r\n`,
  'a length with a sign': `POST / HTTP/1.1\r\n${HOST}Content-Length: +5\r\n\r\nabcde`,
  'a negative length': `POST / HTTP/1.1\r\n${HOST}Content-Length: -5\r\n\r\n`,
  'a hexadecimal length': `POST / HTTP/1.1\r\n${HOST}Content-Length: 0x5\r\n\r\nabcde`,
  'a length with a space in it': `POST / HTTP/1.1\r\n${HOST}Content-Length: 1 0\r\n\r\nabcde`,
  'an empty length': `POST / HTTP/1.1\r\n${HOST}Content-Length:\r\n\r\n`,
  'a length that overflows': `POST / HTTP/1.1\r\n${HOST}Content-Length: 18446744073709551617\r\n\r\na`,
  'an unknown coding': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  'a coding behind chunked': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  identity: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: identity\r\n\r\n`,
  'chunked twice': `POST / HTTP/1.1\r\n${HOST}${CHUNKED}${CHUNKED}\r\n0\r\n\r\n`,
  'chunked in two fields': `POST / HTTP/1.1\r\n${HOST}${CHUNKED}Transfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
  'chunked with a vertical tab': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: \u000bchunked\r\n\r\n0\r\n\r\n`,
  'chunked in HTTP/1.0': `POST / HTTP/1.0\r\n${HOST}${CHUNKED}\r\n0\r\n\r\n`,
  'a folded coding': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
  'a folded field': `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`,
  'a field folded by a tab': `GET / HTTP/1.1\r\n${HOST}X: a\r\n\tb\r\n\r\n`,
  'a folded first field': `GET / HTTP/1.1\r\n X: a\r\n${HOST}\r\n`,
  'a space before the colon': `POST / HTTP/1.1\r\n${HOST}Content-Length : 5\r\n\r\nabcde`,
  'a tab before the colon': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n`,
  'a field without a name': `GET / HTTP/1.1\r\n${HOST}: x\r\n\r\n`,
  'a line without a colon': `GET / HTTP/1.1\r\n${HOST}nonsense\r\n\r\n`,
  'a bare LF in the head': `GET / HTTP/1.1\r\n${HOST}X: a\nContent-Length: 5\r\n\r\n`,
  'a bare LF behind the first line': `GET / HTTP/1.1\n${HOST}\r\n`,
  'a bare CR in a value': `GET / HTTP/1.1\r\n${HOST}X: a\rContent-Length: 5\r\n\r\n`,
  'NUL in a value': `GET / HTTP/1.1\r\n${HOST}X: a\u0000b\r\n\r\n`,
  'NUL in a name': `GET / HTTP/1.1\r\n${HOST}X\u0000: b\r\n\r\n`,
  'NUL in the target': `GET /\u0000 HTTP/1.1\r\n${HOST}\r\n`,
  'a control character': `GET / HTTP/1.1\r\n${HOST}X: \u001b[2J\r\n\r\n`,
  'no host': 'GET / HTTP/1.1\r\n\r\n',
  'two hosts': `GET / HTTP/1.1\r\n${HOST}Host: b.example.org\r\n\r\n`,
  'the same host twice': `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`,
  'a host with a path': 'GET / HTTP/1.1\r\nHost: a.example.org/x\r\n\r\n',
  'a host with a user': 'GET / HTTP/1.1\r\nHost: x@a.example.org\r\n\r\n',
  'a list of hosts': 'GET / HTTP/1.1\r\nHost: a.example.org b.example.org\r\n\r\n',
  'a user in its target': `GET http://x@a.example.org/ HTTP/1.1\r\n${HOST}\r\n`,
  'another scheme': `GET ftp://a.example.org/ HTTP/1.1\r\n${HOST}\r\n`,
  'HTTP/0.9': 'GET /\r\n\r\n',
  'HTTP/1.2': `GET / HTTP/1.2\r\n${HOST}\r\n`,
  'HTTP/2 without its preface': `GET / HTTP/2.0\r\n${HOST}\r\n`,
  'half of the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n',
  'a version in lower case': `GET / http/1.1\r\n${HOST}\r\n`,
  'two spaces in its first line': `GET  / HTTP/1.1\r\n${HOST}\r\n`,
  'a tab in its first line': `GET\t/ HTTP/1.1\r\n${HOST}\r\n`,
  'a space in its target': `GET /a b HTTP/1.1\r\n${HOST}\r\n`,
  CONNECT: `CONNECT a.example.org:443 HTTP/1.1\r\n${HOST}\r\n`,
  'a long head': `GET / HTTP/1.1\r\n${HOST}X: ${'a'.repeat(40_000)}\r\n\r\n`,
  'a long target': `GET /${'a'.repeat(9000)} HTTP/1.1\r\n${HOST}\r\n`,
  'many fields': `GET / HTTP/1.1\r\n${HOST}${'X: y\r\n'.repeat(200)}\r\n`,
  'a connection option that removes the length': `POST / HTTP/1.1\r\n${HOST}Connection: content-length\r\nContent-Length: 5\r\n\r\nabcde`,
  'a connection option that removes the host': `GET / HTTP/1.1\r\n${HOST}Connection: close, host\r\n\r\n`,
  TLS: '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\r\n\r\n',
};

/** Chunks: what came before them has been passed on, but nothing that hides behind them may be. */
const BAD_CHUNKS: Readonly<Record<string, string>> = {
  'a size with a sign': `+1\r\na\r\n0\r\n\r\n`,
  'a size with 0x': `0x1\r\na\r\n0\r\n\r\n`,
  'a size that overflows': `10000000000000001\r\na\r\n0\r\n\r\n`,
  'a size with a space': `1 \r\na\r\n0\r\n\r\n`,
  'an empty size': `\r\na\r\n0\r\n\r\n`,
  'a size that ends with LF': `1\na\r\n0\r\n\r\n`,
  'an extension that ends with LF': `1;x\na\r\n0\r\n\r\n`,
  'an extension with CR': `1;x\ry\r\na\r\n0\r\n\r\n`,
  'data that is longer': `1\r\nab\r\n0\r\n\r\n`,
  'data that ends with LF': `1\r\na\n0\r\n\r\n`,
  'a trailer with LF': `0\r\nX: y\n\r\n`,
  'a folded trailer': `0\r\nX: y\r\n z\r\n\r\n`,
};

describe('a request for a front', () => {
  let bench: MeshBench;
  let received = '';
  let reference: Server;

  before(async () => {
    bench = await MeshBench.start();
    await bench.sockets((socket) => {
      socket.on('data', (bytes: Buffer) => (received += bytes.toString('latin1')));
    });
    reference = createServer((request, response) => {
      request.resume();
      request.on('end', () => response.end());
      request.on('error', () => undefined);
    });
    reference.listen(0, '127.0.0.1');
    await once(reference, 'listening');
  });
  after(() => {
    bench.close();
    reference.closeAllConnections();
    reference.close();
  });

  for (const [what, text] of Object.entries(REFUSED)) {
    test(`is refused with ${what}`, async () => {
      received = '';
      const client = await bench.client();
      client.socket.write(text, 'latin1');
      await client.ends();
      assert.match(client.text, /^HTTP\/1\.1 [45]\d\d [^]*\r\nConnection: close\r\n/);
      assert.equal(received, '');
    });
  }

  for (const [what, text] of Object.entries(BAD_CHUNKS)) {
    test(`has nothing passed on behind ${what}`, async () => {
      received = '';
      const client = await bench.client();
      client.socket.write(`POST / HTTP/1.1\r\n${HOST}${CHUNKED}\r\n${text}${HIDDEN}`, 'latin1');
      await client.ends();
      assert.match(client.text, /^HTTP\/1\.1 400 /);
      assert.doesNotMatch(received, /hidden/);
    });
  }

  test('is never read where llhttp refuses it', async () => {
    // Another byte at each place of a plain request: what is left of it must be a request for llhttp, too.
    const plain = ['Content-Length: 2', 'Transfer-Encoding: chunked'].map(
      (line) => `POST /a HTTP/1.1\r\n${HOST}${line}\r\nConnection: close\r\n\r\n`,
    );
    const { port } = reference.address() as AddressInfo;
    const head = new RequestHead();
    const looser: string[] = [];
    const ask = async (text: string): Promise<void> => {
      const socket = connect({ port, host: '127.0.0.1' });
      let answer = '';
      socket.on('error', () => undefined);
      socket.on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')));
      socket.end(text, 'latin1');
      await once(socket, 'close');
      if (!answer.startsWith('HTTP/1.1 200 ')) looser.push(JSON.stringify(text));
    };
    const asked: Promise<void>[] = [];
    const inserted = '\u0000\r\n \t:,;\u000b\u007f\u0080';
    for (const request of plain) {
      for (let i = 0; i < request.length * inserted.length * 2; i++) {
        const at = Math.trunc(i / (inserted.length * 2));
        const byte = inserted[Math.trunc(i / 2) % inserted.length];
        const text = request.slice(0, at) + byte + request.slice(at + (i % 2));
        const bytes = Buffer.from(text, 'latin1');
        const end = headEnd(bytes, 0, 0);
        if (end < 0 || head.read(bytes, 0, end) !== HeadFault.None) continue;
        asked.push(
          ask(text.slice(0, end) + (head.content.isChunked ? '2\r\nok\r\n0\r\n\r\n' : head.hasContent ? 'ok' : '')),
        );
      }
    }
    const chunks = '2;a=b;c="d"\r\nok\r\n0\r\nT: v\r\n\r\n';
    const before = `POST /a HTTP/1.1\r\n${HOST}${CHUNKED}Connection: close\r\n\r\n`;
    for (let i = 0; i < chunks.length * inserted.length * 2; i++) {
      const at = Math.trunc(i / (inserted.length * 2));
      const byte = inserted[Math.trunc(i / 2) % inserted.length];
      const text = chunks.slice(0, at) + byte + chunks.slice(at + (i % 2));
      const bytes = Buffer.from(text, 'latin1');
      const content = new ChunkedContent();
      content.begin();
      for (let next = 0; next < bytes.length && !content.isDone && !content.isBad;)
        next = content.read(bytes, next, bytes.length);
      if (content.isDone) asked.push(ask(before + text));
    }
    await Promise.all(asked);
    assert.ok(asked.length > 50);
    assert.deepEqual(looser, []);
  });
});
