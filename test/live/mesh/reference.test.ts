/**
 * Valid requests through the front and through httpxy, a library on node:http: the backend gets the same requests, and the
 * client the same responses, apart from fields that are each proxy's own.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as startRequest,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createProxyServer } from 'httpxy';
import { MeshBench } from './http1/mesh-bench.js';

const HOST = 'a.example.org';
/** Fields of one connection (RFC 9110, 7.6.1), and those that a proxy adds by its own lights. */
const OWN: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'date'],
  ...['via', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto'],
]);

/** A request. */
interface Case {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[]>;
  /** Content; a list has no length said beforehand, and is sent in chunks. */
  readonly content?: string | readonly string[];
  readonly sentTrailers?: Record<string, string>;
}

const LONG = 'x'.repeat(8000);
const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol': 'chat, superchat',
};

const CASES: readonly Case[] = [
  { name: 'GET' },
  ...['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT', 'M-SEARCH'].map((method) => ({
    name: `${method} with content`,
    method,
    content: 'a=1&b=2',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  })),
  { name: 'GET with content', content: 'search', headers: { 'Content-Length': '6' } },
  { name: 'POST without content', method: 'POST', headers: { 'Content-Length': '0' } },
  { name: 'HEAD', method: 'HEAD' },
  { name: 'HEAD of a response in chunks', method: 'HEAD', path: '/chunks' },
  { name: 'content in chunks', method: 'POST', content: ['one', 'two', 'three'] },
  { name: 'content in one chunk', method: 'PUT', content: ['x'.repeat(70_000)] },
  { name: 'much content with a length', method: 'PUT', content: 'y'.repeat(200_000) },
  { name: 'content after 100 Continue', method: 'POST', content: 'late', headers: { Expect: '100-continue' } },
  { name: 'a response in chunks', path: '/chunks' },
  { name: 'a response without content', path: '/empty' },
  { name: 'a response until the connection closes', path: '/until-close' },
  { name: 'a large response', path: '/large' },
  { name: '204', path: '/status/204' },
  { name: '205', path: '/status/205' },
  { name: '304', path: '/status/304', headers: { 'If-None-Match': '"a"' } },
  ...[201, 206, 301, 400, 404, 410, 418, 500, 503].map((status) => ({ name: `${status}`, path: `/status/${status}` })),
  { name: 'a reason of its own', path: '/reason' },
  { name: 'cookies', path: '/cookies', headers: { Cookie: 'a=1; b="2"; c=' } },
  { name: 'a location', path: '/location' },
  { name: 'a query', path: '/search?q=a%20b&c[]=1&d=%25&e=/?&f' },
  { name: 'a percent-encoded path', path: '/a%2Fb/%2e%2e/%C3%A4/%00' },
  { name: 'a path with dots and slashes', path: "//a//../b/./c;v=1/@:!$&'()*+,=" },
  { name: 'a long path', path: `/${LONG}` },
  { name: 'a long field', headers: { 'X-Long': LONG } },
  { name: 'many fields', headers: Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`X-${i}`, `v${i}`])) },
  { name: 'an empty field', headers: { 'X-Empty': '' } },
  { name: 'fields in Latin-1', headers: { 'X-Name': 'J\u00fcrgen' } },
  { name: 'a field twice', headers: { Accept: ['text/html', 'text/plain;q=0.5'] } },
  { name: 'authorization', headers: { Authorization: 'Basic dXNlcjpwYXNz' } },
  { name: 'a range', headers: { Range: 'bytes=0-1', 'If-Range': '"a"' } },
  { name: 'a host with a port', headers: { Host: `${HOST}:80` } },
  {
    name: 'trailers of a request',
    method: 'POST',
    content: ['a', 'b'],
    sentTrailers: { 'x-sum': '195' },
  },
  { name: 'trailers of a response', path: '/trailers' },
  { name: 'WebSocket', path: '/socket', headers: UPGRADE },
  { name: 'WebSocket that is refused', path: '/status/403', headers: UPGRADE },
];

/** What a backend got. */
interface Seen {
  readonly request: unknown;
  readonly trailers: object;
}
const NOTHING: Seen = { request: undefined, trailers: {} };

/** What a client and a backend got. */
interface Outcome {
  readonly request: unknown;
  readonly response: unknown;
  /** Of the request and of the response. */
  readonly trailers: readonly object[];
}

function common(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !OWN.has(name))
      .sort(),
  );
}

async function textOf(message: IncomingMessage | Socket): Promise<string> {
  let text = '';
  for await (const bytes of message) text += (bytes as Buffer).toString('latin1');
  return text;
}

describe('valid requests by the front are those by httpxy', () => {
  let bench: MeshBench;
  const ports: number[] = [];
  const closing: (() => void)[] = [];
  /** What the backend got last. */
  let seen = NOTHING;

  function answer({ url = '' }: IncomingMessage, response: ServerResponse): void {
    const status = /^\/status\/(\d+)$/.exec(url)?.[1];
    if (status !== undefined) {
      response.writeHead(Number(status), { 'Content-Type': 'text/plain', ETag: '"a"' });
      response.end(['204', '205', '304'].includes(status) ? undefined : `<${status}>`);
    } else if (url === '/chunks' || url === '/trailers') {
      if (url === '/trailers') response.setHeader('Trailer', 'X-Sum');
      response.write('one');
      response.write('z'.repeat(20_000));
      if (url === '/trailers') response.addTrailers({ 'X-Sum': '42' });
      response.end('end');
    } else if (url === '/empty') {
      response.setHeader('Content-Length', 0).end();
    } else if (url === '/until-close') {
      response.socket?.end('HTTP/1.1 200 OK\r\nX: y\r\nConnection: close\r\n\r\nall of it');
    } else if (url === '/large') {
      response.end(Buffer.alloc(1_000_000, 'abcdefg'));
    } else if (url === '/reason') {
      response.writeHead(299, 'Quite All Right').end('x');
    } else if (url === '/cookies') {
      response.setHeader('Set-Cookie', ['a=1; Path=/; HttpOnly', 'b=2; Expires=Wed, 21 Oct 2099 07:28:00 GMT']);
      response.setHeader('Cache-Control', ['no-cache', 'no-store']).end('x');
    } else if (url === '/location') {
      response.writeHead(302, { Location: 'http://other.example.org/a?b#c', 'X-Long': LONG }).end();
    } else {
      response.setHeader('X-Powered-By', 'a test').end(`<${url.length}>`);
    }
  }

  function note(message: IncomingMessage, content: string): void {
    const { method, url, headers, trailers } = message;
    seen = { request: { method, url, headers: common(headers), content }, trailers };
  }

  before(async () => {
    bench = await MeshBench.start();
    const backend = await bench.http((message, response) => {
      void textOf(message).then((content) => {
        note(message, content);
        answer(message, response);
      });
    });
    backend.on('upgrade', (message: IncomingMessage, socket: Socket, head: Buffer) => {
      note(message, '');
      if (message.url !== '/socket') {
        socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n');
        return;
      }
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-More: 1\r\n' +
          'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello ',
      );
      socket.unshift(head);
      socket.pipe(socket);
    });
    const client = await bench.client();
    ports.push(client.socket.remotePort ?? 0);
    client.socket.destroy();
    const target = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`;
    const proxy = createProxyServer({ xfwd: true });
    const reference = createServer((message, response) => void proxy.web(message, response, { target }));
    reference.on('upgrade', (message: IncomingMessage, socket: Socket, head: Buffer) => {
      void proxy.ws(message, socket, { target }, head);
    });
    reference.listen(0, '127.0.0.1');
    await once(reference, 'listening');
    ports.push((reference.address() as AddressInfo).port);
    closing.push(() => {
      reference.closeAllConnections();
      reference.close();
    });
  });
  after(() => {
    for (const close of closing) close();
    bench.close();
  });

  /** One connection to each proxy, for all requests that don't end it. */
  const agents = [0, 1].map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
  closing.push(() => agents.forEach((agent) => agent.destroy()));

  async function outcome(index: number, { method, path, headers, content, sentTrailers }: Case): Promise<Outcome> {
    seen = NOTHING;
    const isOpening = headers === UPGRADE;
    const request = startRequest({
      ...{ host: '127.0.0.1', port: ports[index], agent: isOpening ? false : agents[index], method, path },
      headers: { Host: HOST, ...(typeof content === 'string' ? { 'Content-Length': content.length } : {}), ...headers },
    });
    const answered = once(request, 'response').then(([message]) => message as IncomingMessage);
    const upgraded = once(request, 'upgrade').then((given) => given as [IncomingMessage, Socket, Buffer]);
    upgraded.catch(() => undefined);
    answered.catch(() => undefined);
    if (request.getHeader('Expect') !== undefined) {
      request.flushHeaders();
      await once(request, 'continue');
    }
    if (Array.isArray(content)) for (const piece of content as string[]) request.write(piece);
    if (sentTrailers !== undefined) request.addTrailers(sentTrailers);
    request.end(typeof content === 'string' ? content : undefined);
    const first = await Promise.race([answered, upgraded]);
    const [message, socket, head] = Array.isArray(first) ? first : [first];
    let text: string;
    if (socket === undefined) {
      text = await textOf(message);
    } else {
      socket.end('over');
      text = (head?.toString('latin1') ?? '') + (await textOf(socket));
    }
    const { statusCode, statusMessage } = message;
    return {
      request: seen.request,
      response: { statusCode, statusMessage, headers: common(message.headers), text },
      trailers: [seen.trailers, message.trailers],
    };
  }

  for (const one of CASES) {
    test(one.name, async () => {
      const own = await outcome(0, one);
      const reference = await outcome(1, one);
      assert.notEqual(own.request, undefined);
      assert.deepEqual(own.request, reference.request);
      assert.deepEqual(own.response, reference.response);
      // httpxy drops these.
      const { sentTrailers = {}, path } = one;
      const sent = [sentTrailers, path === '/trailers' ? { 'x-sum': '42' } : {}];
      assert.deepEqual(
        own.trailers.map((fields) => ({ ...fields })),
        sent,
      );
    });
  }
});
