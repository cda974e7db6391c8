/** Requests of HTTP/2 to backends that speak HTTP/2, as with gRPC. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { describe, test, type TestContext } from 'node:test';
import type { Route } from '../../../../src/mesh/index.js';
import { ask, fetched, got, Http2Bench } from './http2-bench.js';

async function started(t: TestContext, changes: Partial<Route> = {}): Promise<Http2Bench> {
  const bench = await Http2Bench.start({ isHttp2: true, ...changes });
  t.after(() => bench.close());
  return bench;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Answers with trailers. */
function answer(stream: ServerHttp2Stream, status: string): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status, 'grpc-message': 'm' }));
}

const CALL = { ':method': 'POST', ':path': '/a.B/c', 'content-type': 'application/grpc', te: 'trailers' };

describe('a backend of HTTP/2', () => {
  test('gets a call with who asked, and its trailers reach the client', async (t) => {
    const bench = await started(t);
    const server = await bench.http2();
    let seen: readonly unknown[] = [];
    server.on('stream', (stream, headers) => {
      seen = ['te', ':authority', ':path', 'via', 'x-forwarded-for', 'content-type'].map((name) => headers[name]);
      answer(stream, '0');
      stream.pipe(stream);
    });
    const { status, body, trailers } = await fetched(bench.client(), CALL, 'message');
    assert.deepEqual([status, body, trailers?.['grpc-status'], trailers?.['grpc-message']], [200, 'message', '0', 'm']);
    assert.deepEqual(seen, ['trailers', 'a.example.org', '/a.B/c', '2.0 vtep', '127.0.0.1', 'application/grpc']);
    await until(() => bench.exchanges.length === 1);
    const [{ bytesIn, bytesOut, failure }] = bench.exchanges;
    assert.deepEqual([bytesIn, bytesOut, failure], [7, 7, undefined]);
  });

  test('may answer with trailers alone, and get trailers', async (t) => {
    const bench = await started(t);
    const server = await bench.http2();
    let trailers: unknown;
    server.on('stream', (stream) => {
      stream.on('trailers', (fields) => {
        trailers = fields['x-sum'];
        stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true });
      });
      stream.resume();
    });
    const stream = ask(bench.client(), CALL, { endStream: false, waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }));
    stream.end('x');
    const { headers, body } = await got(stream);
    assert.deepEqual([headers['grpc-status'], body, trailers], ['12', '', '7']);
  });

  test('may answer before the final answer', async (t) => {
    const bench = await started(t);
    const server = await bench.http2();
    server.on('stream', (stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</x>' });
      stream.respond({ ':status': 200 });
      stream.end('x');
    });
    const { body, interim } = await fetched(bench.client());
    assert.equal(body, 'x');
    assert.deepEqual(
      interim.map((fields) => [fields[':status'], fields['link']]),
      [[103, '</x>']],
    );
  });

  test('talks with a client in both directions at once', async (t) => {
    const bench = await started(t);
    const server = await bench.http2();
    server.on('stream', (stream) => {
      answer(stream, '0');
      stream.on('data', (bytes: Buffer) => stream.write(`<${bytes.toString()}>`));
      stream.on('end', () => stream.end());
    });
    const stream = ask(bench.client(), CALL, { endStream: false });
    stream.setEncoding('latin1');
    for (const word of ['one', 'two', 'three']) {
      stream.write(word);
      assert.deepEqual(await once(stream, 'data'), [`<${word}>`]);
    }
    stream.end();
    const [trailers] = (await once(stream, 'trailers')) as [Record<string, string>];
    assert.equal(trailers['grpc-status'], '0');
  });

  test('gets many calls on one connection, and one more when its limit is reached', async (t) => {
    const bench = await started(t);
    const server = await bench.http2({ settings: { maxConcurrentStreams: 10 } });
    let connections = 0;
    server.on('session', () => connections++);
    const waiting: (() => void)[] = [];
    server.on('stream', (stream, headers) => {
      stream.respond({ ':status': 200 });
      if (headers[':path'] === '/') stream.end();
      else waiting.push(() => stream.end(headers[':path']));
      // None is answered before all are there.
      if (waiting.length === 30) for (const end of waiting) end();
    });
    const client = bench.client();
    await fetched(client);
    const all = await Promise.all(Array.from({ length: 30 }, (_, i) => fetched(client, { ':path': `/${i}` })));
    assert.deepEqual(
      all.map(({ body }) => body),
      Array.from({ length: 30 }, (_, i) => `/${i}`),
    );
    assert.equal(connections, 3);
    assert.equal(bench.sessions.size, 3);
  });

  test('gets what a session refuses or leaves out on another one', async (t) => {
    const bench = await started(t);
    const server = await bench.http2();
    const sessions: ServerHttp2Session[] = [];
    server.on('session', (session) => sessions.push(session));
    let streams = 0;
    server.on('stream', (stream) => {
      if (streams++ === 0) {
        stream.close(7);
        return;
      }
      answer(stream, '0');
      stream.pipe(stream);
    });
    const client = bench.client();
    const first = await fetched(client, CALL, 'again');
    assert.deepEqual([first.status, first.body], [200, 'again']);
    assert.equal(bench.exchanges[0].attempts, 2);
    sessions[0].goaway(0, 0);
    for (let i = 0; i < 3; i++) assert.equal((await fetched(client, CALL, 'x')).body, 'x');
    assert.equal(sessions.length, 2);
  });

  test('that resets a call is reported, and the call isn’t repeated', async (t) => {
    const bench = await started(t);
    const server = await bench.http2();
    let streams = 0;
    server.on('stream', (stream) => {
      streams++;
      stream.close(2);
    });
    assert.equal((await fetched(bench.client(), CALL, 'x')).status, 502);
    assert.equal(streams, 1);
    assert.equal(bench.exchanges[0].failure, 'backend-closed');
  });

  test('that dies within a response leaves no whole one', async (t) => {
    const bench = await started(t);
    const server = await bench.http2();
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('half');
      setTimeout(() => stream.session?.destroy(), 20);
    });
    const { status, code } = await fetched(bench.client());
    assert.deepEqual([status, code], [200, 2]);
  });

  test('learns that a client has taken its call back, and never takes half of one for a whole', async (t) => {
    const bench = await started(t);
    const server = await bench.http2();
    const stream = ask(bench.client(), CALL, { endStream: false });
    stream.write('half');
    const [backend] = (await once(server, 'stream')) as [ServerHttp2Stream];
    let hasEnded = false;
    backend.on('error', () => undefined);
    backend.on('end', () => (hasEnded = !backend.aborted));
    backend.resume();
    await once(backend, 'data');
    stream.close(8);
    await once(backend, 'close');
    assert.deepEqual([backend.rstCode, hasEnded], [8, false]);
  });

  test('gets the content that another could not be reached for', async (t) => {
    const bench = await started(t);
    const nobody = bench.unreachable();
    const server = await bench.http2();
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const client = bench.client();
    for (const body of ['one', 'two']) assert.equal((await fetched(client, CALL, body)).body, body);
    assert.ok(nobody.failures > 0);
  });

  test('is unreachable after a while', async (t) => {
    const bench = await started(t);
    bench.unreachable();
    assert.equal((await fetched(bench.client(), CALL, 'x')).status, 502);
    assert.equal(bench.exchanges[0].failure, 'unreachable');
    await until(() => bench.sessions.size === 0);
  });

  test('is left once no route leads there: its calls end, and its connection after them', async (t) => {
    const bench = await started(t);
    const server = await bench.http2();
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      server.once('go', () => stream.end('done'));
    });
    const one = fetched(bench.client());
    await once(server, 'stream');
    bench.targets[0].isLeaving = true;
    bench.sessions.drop(bench.targets[0]);
    server.emit('go');
    assert.equal((await one).body, 'done');
    await until(() => bench.sessions.size === 0);
  });

  test('has no connection that is idle for long', async (t) => {
    const bench = await started(t);
    const server = await bench.http2();
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      stream.end();
    });
    await fetched(bench.client());
    assert.equal(bench.sessions.size, 1);
    bench.later = bench.timeouts.idle + 1;
    await until(() => bench.sessions.size === 0);
  });

  test('has no connection left that it doesn’t close after GOAWAY', async (t) => {
    const bench = await started(t);
    await bench.raw((socket) => {
      // SETTINGS, then GOAWAY; and it never sees that the mesh has ended.
      socket.write(Buffer.from('000000040000000000' + '0000080700000000000000000000000000', 'hex'));
      socket.pause();
    });
    await fetched(bench.client());
    assert.ok(bench.sessions.size > 0);
    bench.later = bench.timeouts.idle + 1;
    await until(() => bench.sessions.size === 0);
    assert.equal(bench.targets[0].active, 0);
  });

  test('sends as fast as the client reads', async (t) => {
    const bench = await started(t);
    const server = await bench.http2();
    const size = 16 << 20;
    let left = size;
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      const piece = Buffer.alloc(1 << 16);
      const write = (): void => {
        while (left > 0) {
          left -= piece.length;
          if (!stream.write(piece)) {
            stream.once('drain', write);
            return;
          }
        }
        stream.end();
      };
      write();
    });
    const stream = ask(bench.client());
    stream.pause();
    await once(stream, 'response');
    for (let before = -1; before !== left || before === size;) {
      before = left;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(left > size / 3, String(left));
    let length = 0;
    stream.on('data', (bytes: Buffer) => (length += bytes.length));
    stream.resume();
    await once(stream, 'close');
    assert.equal(length, size);
  });
});
