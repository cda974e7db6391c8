/** Requests of HTTP/2 through a front, to backends that speak HTTP/1. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import type { Route } from '../../../../src/mesh/index.js';
import { ask, fetched, got, Http2Bench } from './http2-bench.js';

async function started(t: TestContext, changes: Partial<Route> = {}): Promise<Http2Bench> {
  const bench = await Http2Bench.start(changes);
  t.after(() => bench.close());
  return bench;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

interface Seen {
  readonly url: string;
  readonly headers: Record<string, string>;
}

/** A bench whose backend answers with what it has seen. */
async function echoing(t: TestContext, changes: Partial<Route> = {}): Promise<Http2Bench> {
  const bench = await started(t, changes);
  await bench.http((request, response) => {
    response.end(JSON.stringify({ url: request.url, headers: request.headers }));
  });
  return bench;
}

describe('a front for HTTP/2', () => {
  test('passes on a request with who asked, its host, and its cookie in one piece', async (t) => {
    const bench = await echoing(t);
    const { status, body } = await fetched(bench.client(), {
      ':path': '/x?y',
      ':authority': 'A.example.org:8080',
      'x-forwarded-for': '6.6.6.6',
      'x-other': '2',
      te: 'trailers',
      cookie: ['a=1', 'b=2'],
    });
    const { url, headers } = JSON.parse(body) as Seen;
    assert.equal(status, 200);
    assert.equal(url, '/x?y');
    assert.equal(headers['host'], 'A.example.org:8080');
    assert.equal(headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(headers['via'], '2.0 vtep');
    assert.equal(headers['x-other'], '2');
    assert.equal(headers['cookie'], 'a=1; b=2');
    assert.equal(headers['te'], undefined);
    assert.equal(headers['transfer-encoding'], undefined);
  });

  test('rewrites the beginning of the path', async (t) => {
    const bench = await echoing(t, { path: '/api', rewrite: '/' });
    const { body } = await fetched(bench.client(), { ':path': '/api/x?y' });
    assert.equal((JSON.parse(body) as Seen).url, '/x?y');
  });

  test('has many requests of a client at backends at once, and reports each', async (t) => {
    const bench = await started(t);
    const waiting: (() => void)[] = [];
    await bench.http((request, response) => {
      waiting.push(() => response.end(`<${request.url ?? ''}>`));
      // None is answered before all are there.
      if (waiting.length === 100) for (const end of waiting) end();
    });
    const client = bench.client();
    const all = await Promise.all(Array.from({ length: 100 }, (_, i) => fetched(client, { ':path': `/${i}` })));
    assert.deepEqual(
      all.map(({ body }) => body),
      Array.from({ length: 100 }, (_, i) => `</${i}>`),
    );
    await until(() => bench.exchanges.length === 100);
    for (const { protocol, status, bytesOut, failure, target } of bench.exchanges) {
      assert.deepEqual([protocol, status, failure], ['HTTP/2', 200, undefined]);
      assert.ok(bytesOut >= 4);
      assert.equal(target?.active, 0);
    }
    assert.ok(bench.pool.size > 0);
  });

  test('passes on content with a length and without', async (t) => {
    const bench = await started(t);
    await bench.http((request, response) => {
      const form = `${request.headers['content-length'] ?? ''}${request.headers['transfer-encoding'] ?? ''}`;
      response.write(`${form} `);
      request.pipe(response);
    });
    const client = bench.client();
    assert.equal((await fetched(client, { ':method': 'POST', 'content-length': 5 }, 'abcde')).body, '5 abcde');
    assert.equal((await fetched(client, { ':method': 'POST' }, 'abcde')).body, 'chunked abcde');
    assert.equal((await fetched(client, { ':method': 'POST' }, '')).body, 'chunked ');
    const { bytesIn, bytesOut } = bench.exchanges[1];
    assert.deepEqual([bytesIn, bytesOut], [5, 13]);
  });

  test('has no content after HEAD, 204 and 304, whatever their fields say', async (t) => {
    const bench = await started(t);
    await bench.http((request, response) => {
      if (request.url === '/304') response.writeHead(304, { ETag: 'x' });
      if (request.url === '/204') response.writeHead(204);
      if (request.url === '/head') response.setHeader('Content-Length', 1000);
      response.end();
    });
    const client = bench.client();
    const head = await fetched(client, { ':method': 'HEAD', ':path': '/head' });
    assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, '1000', '']);
    assert.equal((await fetched(client, { ':path': '/304' })).status, 304);
    assert.equal((await fetched(client, { ':path': '/204' })).status, 204);
  });

  test('leaves out of a response what is about a connection of HTTP/1', async (t) => {
    const bench = await started(t);
    await bench.http((_request, response) => {
      response.setHeader('Connection', 'X-Own');
      response.setHeader('X-Own', '1');
      response.setHeader('X-Two', ['1', '2']);
      response.setHeader('Set-Cookie', ['a=1', 'b=2']);
      response.end('x');
    });
    const { headers } = await fetched(bench.client());
    assert.equal(headers['x-own'], undefined);
    assert.equal(headers['connection'], undefined);
    assert.equal(headers['transfer-encoding'], undefined);
    assert.equal(headers['x-two'], '1, 2');
    assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
  });

  test('passes on answers before the final one', async (t) => {
    const bench = await started(t);
    await bench.http((_request, response) => {
      response.writeEarlyHints({ link: '</x>; rel=preload' });
      response.end('x');
    });
    const { status, interim } = await fetched(bench.client());
    assert.equal(status, 200);
    assert.deepEqual(
      interim.map((fields) => [fields[':status'], fields['link']]),
      [[103, '</x>; rel=preload']],
    );
  });

  test('answers by itself: unknown hosts, no backend, loops and redirects', async (t) => {
    const bench = await started(t);
    const client = bench.client();
    assert.equal((await fetched(client, { ':authority': 'b.example.org' })).status, 503);
    assert.equal((await fetched(client)).status, 503);
    assert.equal((await fetched(client, { via: '1.1 other, 2.0 vtep' })).status, 508);
    assert.deepEqual(
      bench.exchanges.map(({ failure }) => failure),
      ['unknown-host', 'no-backend', 'loop'],
    );
    const other = await started(t, { redirect: 'https://b.example.org' });
    const { status, headers } = await fetched(other.client(), { ':path': '/x?y' });
    assert.deepEqual([status, headers['location']], [302, 'https://b.example.org/x?y']);
  });

  test('brings a client back to the same target by a cookie of its own', async (t) => {
    const bench = await started(t, { sticky: { cookie: 'session', isOwn: true } });
    for (const name of ['1', '2', '3']) await bench.http((_request, response) => response.end(name));
    const client = bench.client();
    const first = await fetched(client);
    assert.deepEqual(first.headers['set-cookie'], [`session=${first.body}; Path=/; HttpOnly`]);
    const again = await fetched(client, { cookie: ['x=y', `session=${first.body}`] });
    assert.equal(again.status, 200);
  });

  test('goes to another target if the first can’t be reached, with the content', async (t) => {
    const bench = await started(t);
    const nobody = bench.unreachable();
    await bench.http((request, response) => request.pipe(response));
    const client = bench.client();
    for (const body of ['one', 'two', 'three']) {
      assert.equal((await fetched(client, { ':method': 'POST' }, body)).body, body);
    }
    assert.ok(nobody.failures > 0);
    assert.deepEqual(
      bench.exchanges.map(({ attempts }) => attempts),
      [2, 1, 1],
    );
  });

  test('answers 502 if no target can be reached, or it answers nonsense', async (t) => {
    const bench = await started(t);
    bench.unreachable();
    assert.equal((await fetched(bench.client())).status, 502);
    const other = await started(t);
    await other.raw((socket) => socket.on('data', () => socket.write('SSH-2.0-x\r\n\r\n')));
    assert.equal((await fetched(other.client())).status, 502);
    assert.equal(other.exchanges[0].failure, 'bad-response');
  });

  test('answers 502 for a status that HTTP/2 has not, and lives on', async (t) => {
    const bench = await started(t);
    let status = 599;
    await bench.raw((socket) =>
      socket.on('data', () => socket.write(`HTTP/1.1 ${status++} X\r\nContent-Length: 2\r\n\r\nok`)),
    );
    const client = bench.client();
    for (const expected of [599, 502, 502]) assert.equal((await fetched(client)).status, expected);
    assert.equal(bench.targets[0].active, 0);
  });

  test('answers 504 if the backend doesn’t, and 408 if the content doesn’t come', async (t) => {
    const bench = await started(t);
    let text = '';
    await bench.raw((socket) => socket.on('data', (bytes: Buffer) => (text += bytes.toString())));
    const client = bench.client();
    const one = fetched(client);
    await until(() => text.endsWith('\r\n\r\n'));
    bench.later = bench.timeouts.response + 1;
    assert.equal((await one).status, 504);
    const stream = ask(client, { ':method': 'POST' }, { endStream: false });
    const two = got(stream);
    stream.write('x');
    await until(() => text.endsWith('1\r\nx\r\n'));
    bench.later += bench.timeouts.idle + 1;
    assert.equal((await two).status, 408);
    assert.deepEqual(
      bench.exchanges.map(({ failure }) => failure),
      ['backend-timeout', 'client-timeout'],
    );
  });

  test('resets a response whose backend dies in between', async (t) => {
    const bench = await started(t);
    await bench.raw((socket) => {
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
    });
    const { status, code } = await fetched(bench.client());
    assert.deepEqual([status, code], [200, 2]);
    await until(() => bench.exchanges.length === 1);
    assert.equal(bench.exchanges[0].failure, 'backend-closed');
  });

  test('closes the connection to the backend of a request that the client takes back', async (t) => {
    const bench = await started(t);
    let closed = 0;
    const server = await bench.http(() => undefined);
    const stream = ask(bench.client());
    await once(server, 'request');
    server.on('connection', () => assert.fail('no other connection'));
    server.getConnections((_error, count) => (closed = count));
    stream.close(8);
    await until(() => bench.exchanges.length === 1);
    assert.equal(bench.exchanges[0].failure, 'client-closed');
    assert.equal(bench.targets[0].active, 0);
    for (let count = closed; count !== 0;) {
      count = await new Promise((resolve) => server.getConnections((_error, open) => resolve(open)));
    }
  });

  test('stops reading content that a backend doesn’t wait for', async (t) => {
    const bench = await started(t);
    await bench.http((_request, response) => {
      response.writeHead(413);
      response.end('no');
    });
    const client = bench.client();
    const stream = ask(client, { ':method': 'POST' }, { endStream: false });
    stream.write('x');
    const { status, body } = await got(stream);
    assert.deepEqual([status, body], [413, 'no']);
    assert.equal((await fetched(client)).status, 413);
  });

  test('moves large content in both directions as fast as the slower side, and keeps little', async (t) => {
    const bench = await started(t);
    const size = 24 << 20;
    const server = await bench.http((request, response) => {
      request.pause();
      // Nothing is read for now.
      server.once('go', () => void request.pipe(response));
    });
    const stream = ask(bench.client(), { ':method': 'POST' }, { endStream: false });
    const piece = Buffer.alloc(1 << 20, 'x');
    let left = size;
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
    await once(server, 'request');
    // Until nothing moves any more.
    for (let before = -1; before !== left || before === size;) {
      before = left;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(left > size / 3, String(left));
    server.emit('go');
    let length = 0;
    stream.on('data', (bytes: Buffer) => {
      length += bytes.length;
      // The client is slow for a while, too.
      if (length >> 20 === 4 && !stream.isPaused()) {
        stream.pause();
        setTimeout(() => stream.resume(), 20);
      }
    });
    await once(stream, 'close');
    assert.equal(length, size);
  });

  test('ends in peace: no new requests, and those under way are answered', async (t) => {
    const bench = await started(t);
    const server = await bench.http((_request, response) => {
      server.once('go', () => response.end('done'));
    });
    const client = bench.client();
    const one = fetched(client);
    await once(server, 'request');
    const away = once(client, 'goaway');
    bench.front.drain();
    await away;
    server.emit('go');
    assert.equal((await one).body, 'done');
    await until(() => bench.front.size === 0);
  });

  test('closes a connection without requests after a while, whatever else it sends', async (t) => {
    const bench = await echoing(t);
    const client = bench.client();
    await fetched(client);
    client.ping(() => undefined);
    bench.later = bench.timeouts.idle + 1;
    await once(client, 'close');
    await until(() => bench.front.size === 0);
  });
});
