/** What a front does by its routes: other paths, redirects, cookies, loops, and what it answers by itself. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MeshBench, route } from './mesh-bench.js';

const HOST = 'Host: a.example.org';

describe('a route of HTTP/1', () => {
  test('gives its service another path', async (t) => {
    const bench = await MeshBench.start({
      routes: [
        route('a.example.org', { path: '/api', rewrite: '/' }),
        route('a.example.org', { path: '/old', rewrite: '/new' }),
        route('a.example.org'),
      ],
    });
    t.after(() => bench.close());
    await bench.http((request, response) => response.end(`<${request.url ?? ''}>`));
    const client = await bench.client();
    for (const [path, expected] of [
      ['/api', '/'],
      ['/api?q', '/?q'],
      ['/api/x?q', '/x?q'],
      ['/old/y', '/new/y'],
      ['/api2', '/2'],
      ['/z', '/z'],
      ['http://a.example.org/old/w?q', '/new/w?q'],
      ['http://a.example.org?q', '/?q'],
    ]) {
      client.send([`GET ${path} HTTP/1.1`, HOST]);
      const text = await client.gets(/>$/);
      assert.equal(/<(.*)>/.exec(text)?.[1], expected, path);
    }
    client.send(['OPTIONS * HTTP/1.1', HOST]);
    await client.gets(/<\*>$/);
  });

  test('sends clients elsewhere, with their path if its URL has none', async (t) => {
    const bench = await MeshBench.start({
      routes: [
        route('a.example.org', { redirect: 'https://b.example.org' }),
        route('c.example.org', { redirect: 'https://d.example.org/login' }),
      ],
    });
    t.after(() => bench.close());
    const client = await bench.client();
    client.send(['GET /x?y HTTP/1.1', HOST]);
    assert.match(await client.gets(/\n$/), /^HTTP\/1\.1 302 [^]*\r\nLocation: https:\/\/b\.example\.org\/x\?y\r\n/);
    client.send(['DELETE /x HTTP/1.1', 'Host: c.example.org']);
    assert.match(await client.gets(/\n$/), /^HTTP\/1\.1 307 [^]*\r\nLocation: https:\/\/d\.example\.org\/login\r\n/);
    client.send(['POST / HTTP/1.1', HOST, 'Content-Length: 3'], 'abc');
    assert.match(await client.gets(/\n$/), /^HTTP\/1\.1 307 [^]*\r\nConnection: close\r\n/);
    await client.ends();
    assert.deepEqual(
      bench.exchanges.map(({ status, failure, attempts }) => [status, failure, attempts]),
      [
        [302, undefined, 0],
        [307, undefined, 0],
        [307, undefined, 0],
      ],
    );
  });

  test('has a cookie of its own set, unless the client has the right one', async (t) => {
    const bench = await MeshBench.start({
      routes: [route('a.example.org', { sticky: { cookie: 'task', isOwn: true } })],
    });
    t.after(() => bench.close());
    await bench.sockets((socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    }, '123');
    const client = await bench.client();
    for (const cookie of [undefined, 'task=12', 'x=1; task=123', 'xtask=123']) {
      client.send(['GET / HTTP/1.1', HOST, ...(cookie === undefined ? [] : [`Cookie: ${cookie}`])]);
      const text = await client.gets(/ok$/);
      assert.equal(text.includes('Set-Cookie: task=123; Path=/; HttpOnly\r\n'), cookie !== 'x=1; task=123', cookie);
    }
  });

  test("has no cookie set where it is the application's", async (t) => {
    const bench = await MeshBench.start({
      routes: [route('a.example.org', { sticky: { cookie: 'session', isOwn: false } })],
    });
    t.after(() => bench.close());
    await bench.sockets((socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    }, '123');
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST]);
    assert.doesNotMatch(await client.gets(/ok$/), /Set-Cookie/);
  });
});

describe('what a front answers by itself', () => {
  test('is 503 for an unknown host, which it does not repeat', async (t) => {
    const bench = await MeshBench.start();
    t.after(() => bench.close());
    const client = await bench.client();
    client.send(['GET /p?q HTTP/1.1', "Host: evil'host"]);
    const text = await client.gets(/\n$/);
    assert.match(text, /^HTTP\/1\.1 503 [^]*Content-Type: text\/plain; charset=utf-8\r\n/);
    assert.doesNotMatch(text, /evil|example/);
    // A request without content leaves no doubt about where the next one begins.
    client.send(['HEAD / HTTP/1.1', 'Host: other']);
    assert.match(await client.gets(/\r\n\r\n/), /^HTTP\/1\.1 503 [^]*\r\n\r\n$/);
    assert.deepEqual(
      bench.exchanges.map(({ method, host, path, status, failure }) => [method, host, path, status, failure]),
      [
        ['GET', "evil'host", '/p?q', 503, 'unknown-host'],
        ['HEAD', 'other', '/', 503, 'unknown-host'],
      ],
    );
  });

  test('names the known hosts only if it may', async (t) => {
    const bench = await MeshBench.start({ knownHosts: ['a.example.org', 'b.example.org'] });
    t.after(() => bench.close());
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', 'Host: other']);
    assert.match(await client.gets(/\n$/), /\na\.example\.org\nb\.example\.org\n$/);
  });

  test('is 508 for a request that has been here before', async (t) => {
    const bench = await MeshBench.start();
    t.after(() => bench.close());
    let seen = 0;
    await bench.http((_request, response) => {
      seen++;
      response.end('ok');
    });
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST, 'Via: 1.0 other (a, 1.1 vtep), HTTP/1.1 vtep']);
    await client.gets(/^HTTP\/1\.1 508 [^]*\n$/);
    assert.equal(seen, 0);
    client.send(['GET / HTTP/1.1', HOST, 'Via: 1.0 other (a, 1.1 vtep), 1.1 vtep2']);
    await client.gets(/^HTTP\/1\.1 200 /);
    assert.deepEqual(
      bench.exchanges.map(({ failure }) => failure),
      ['loop', undefined],
    );
  });

  test('is 503 if there is no backend', async (t) => {
    const bench = await MeshBench.start();
    t.after(() => bench.close());
    const client = await bench.client();
    client.send(['POST / HTTP/1.1', HOST, 'Content-Length: 3'], 'abc');
    assert.match(await client.gets(/\n$/), /^HTTP\/1\.1 503 [^]*\r\nConnection: close\r\n/);
    assert.equal(bench.exchanges[0].failure, 'no-backend');
  });

  test('reaches a client that still sends, which gets no reset', async (t) => {
    const bench = await MeshBench.start();
    t.after(() => bench.close());
    const client = await bench.client();
    client.send(['POST / HTTP/1.1', 'Host: other', 'Content-Length: 400000']);
    client.socket.write('x'.repeat(400_000));
    await client.ends();
    assert.match(client.text, /^HTTP\/1\.1 503 [^]*\nNo service has this host\.\n$/);
    assert.equal(client.error, undefined);
  });

  test('ends where a client goes on sending without end', async (t) => {
    const bench = await MeshBench.start();
    t.after(() => bench.close());
    const client = await bench.client();
    client.send(['POST / HTTP/1.1', 'Host: other', 'Transfer-Encoding: chunked']);
    const piece = Buffer.alloc(65_536, 'x');
    const write = (): void => {
      if (!client.socket.destroyed) client.socket.write(piece, () => setImmediate(write));
    };
    write();
    await bench.until(() => client.socket.destroyed);
  });
});
