/** Clients of HTTP/1 whose backend speaks HTTP/2. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { describe, test, type TestContext } from 'node:test';
import { Http2Bench } from './http2-bench.js';

async function started(t: TestContext): Promise<Http2Bench> {
  const bench = await Http2Bench.start({ isHttp2: true });
  t.after(() => bench.close());
  return bench;
}

/** Sends a request of HTTP/1. @returns the response, and its content */
async function fetched(
  agent: Agent,
  { port }: Http2Bench,
  { method = 'GET', path = '/', headers = {}, body = '' },
): Promise<{ response: IncomingMessage; body: string }> {
  const sent = request({
    agent,
    host: '127.0.0.1',
    port,
    method,
    path,
    headers: { host: 'a.example.org', ...headers },
  });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  response.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
  await once(response, 'close');
  return { response, body: text };
}

describe('a client of HTTP/1 with a backend of HTTP/2', () => {
  test('keeps its connection, and the backend has one for all', async (t) => {
    const bench = await started(t);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const server = await bench.http2();
    let sessions = 0;
    server.on('session', () => sessions++);
    const seen: unknown[] = [];
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      seen.push([headers[':authority'], headers['x-forwarded-for'], headers['connection'], headers['content-length']]);
      const length = headers[':path'] === '/sized' ? { 'content-length': 4 } : {};
      stream.respond({ ':status': 200, 'x-a': '1', ...length });
      stream.pipe(stream);
    });
    for (const path of ['/', '/sized', '/']) {
      const { response, body } = await fetched(agent, bench, { method: 'POST', path, body: 'text' });
      assert.deepEqual([response.statusCode, response.headers['x-a'], body], [200, '1', 'text']);
    }
    const chunked = { 'transfer-encoding': 'chunked' };
    assert.equal((await fetched(agent, bench, { method: 'POST', headers: chunked, body: 'more' })).body, 'more');
    assert.equal(sessions, 1);
    assert.equal(bench.sockets.length, 1);
    assert.deepEqual(seen[0], ['a.example.org', '127.0.0.1', undefined, '4']);
  });

  test('gets responses without content', async (t) => {
    const bench = await started(t);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const server = await bench.http2();
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      stream.respond({ ':status': Number(headers[':path']?.slice(1)) }, { endStream: true });
    });
    for (const [method, path] of [
      ['GET', '/204'],
      ['GET', '/304'],
      ['HEAD', '/200'],
      ['GET', '/200'],
    ]) {
      const { response, body } = await fetched(agent, bench, { method, path });
      assert.deepEqual([response.statusCode, body], [Number(path.slice(1)), '']);
    }
  });

  test('gets large content both ways', async (t) => {
    const bench = await started(t);
    const agent = new Agent();
    t.after(() => agent.destroy());
    const server = await bench.http2();
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const body = 'x'.repeat(4 << 20);
    assert.equal((await fetched(agent, bench, { method: 'POST', body })).body.length, body.length);
  });

  test('goes to another backend if the first can’t be reached, and gets 502 if there is none', async (t) => {
    const bench = await started(t);
    const agent = new Agent();
    t.after(() => agent.destroy());
    bench.unreachable();
    assert.equal((await fetched(agent, bench, {})).response.statusCode, 502);
    const server = await bench.http2();
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200 });
      stream.end('here');
    });
    for (let i = 0; i < 2; i++) assert.equal((await fetched(agent, bench, {})).body, 'here');
  });
});
