/** Requests of HTTP/1 through a front: what a backend gets, and what a client gets back. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { MeshBench } from './mesh-bench.js';

const HOST = 'Host: a.example.org';

async function started(t: TestContext): Promise<MeshBench> {
  const bench = await MeshBench.start();
  t.after(() => bench.close());
  return bench;
}

describe('a front for HTTP/1', () => {
  test('passes on a request with who asked, and without what a client says about that', async (t) => {
    const bench = await started(t);
    await bench.http((request, response) => {
      response.end(JSON.stringify({ url: request.url, headers: request.headers }));
    });
    const client = await bench.client();
    client.send(['GET /x?y HTTP/1.1', HOST, 'X-Forwarded-For: 6.6.6.6', 'X-Own: 1', 'X-Other: 2', 'Connection: X-Own']);
    const text = await client.gets(/\}$/);
    const { url, headers } = JSON.parse(text.slice(text.indexOf('{'))) as {
      url: string;
      headers: Record<string, string>;
    };
    assert.equal(url, '/x?y');
    assert.equal(headers['host'], 'a.example.org');
    assert.equal(headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(headers['via'], '1.1 vtep');
    assert.equal(headers['x-own'], undefined);
    assert.equal(headers['x-other'], '2');
  });

  test('reuses the connection of the client and that of the backend', async (t) => {
    const bench = await started(t);
    let connections = 0;
    const server = await bench.http((request, response) => response.end(`<${request.url ?? ''}>`));
    server.on('connection', () => connections++);
    const client = await bench.client();
    for (const path of ['/1', '/2', '/3']) {
      client.send([`GET ${path} HTTP/1.1`, HOST]);
      assert.match(await client.gets(/>$/), new RegExp(`<${path}>$`));
    }
    assert.equal(connections, 1);
  });

  test('answers requests that come at once one after the other, in order', async (t) => {
    const bench = await started(t);
    await bench.http((request, response) => {
      let content = '';
      request.on('data', (bytes: Buffer) => (content += bytes.toString()));
      request.on('end', () =>
        setTimeout(() => response.end(`<${request.url ?? ''} ${content}>`), request.url === '/1' ? 20 : 0),
      );
    });
    const client = await bench.client();
    client.socket.write(
      [
        `GET /1 HTTP/1.1\r\n${HOST}\r\n\r\n`,
        `POST /2 HTTP/1.1\r\n${HOST}\r\nContent-Length: 3\r\n\r\nabc`,
        `POST /3 HTTP/1.1\r\n${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\n\r\n`,
        `GET /4 HTTP/1.1\r\n${HOST}\r\n\r\n`,
      ].join(''),
    );
    const text = await client.gets(/<\/4 >$/);
    assert.deepEqual(text.match(/<[^>]*>/g), ['</1 >', '</2 abc>', '</3 def>', '</4 >']);
  });

  test('passes on content byte by byte', async (t) => {
    const bench = await started(t);
    await bench.http((request, response) => {
      let content = '';
      request.on('data', (bytes: Buffer) => (content += bytes.toString()));
      request.on('end', () => response.end(`<${content}>`));
    });
    const client = await bench.client();
    const request = `POST / HTTP/1.1\r\n${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n`;
    for (const byte of request) {
      client.socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.match(await client.gets(/>$/), /<abcde>$/);
  });

  test('refuses what others could read differently before a backend sees it, and ends the connection', async (t) => {
    const bench = await started(t);
    let seen = 0;
    await bench.sockets(() => seen++);
    for (const [status, ...lines] of [
      ['400', 'POST / HTTP/1.1', HOST, 'Content-Length: 5', 'Transfer-Encoding: chunked'],
      ['400', 'GET / HTTP/1.1', HOST, 'X: a', ' b'],
      ['400', 'GET / HTTP/1.1', HOST, 'Host: b.example.org'],
      ['501', 'POST / HTTP/1.1', HOST, 'Transfer-Encoding: xchunked'],
      ['431', 'GET / HTTP/1.1', HOST, `X: ${'a'.repeat(40_000)}`],
      ['505', 'GET / HTTP/3.0', HOST],
    ]) {
      const client = await bench.client();
      client.send(lines);
      await client.ends();
      assert.match(client.text, new RegExp(`^HTTP/1\\.1 ${status} [^\\r]*\\r\\n[^]*Connection: close\\r\\n`));
    }
    assert.equal(seen, 0);
  });

  test('has no content after HEAD, 204 and 304, whatever their fields say', async (t) => {
    const bench = await started(t);
    await bench.http((request, response) => {
      if (request.url === '/304') response.writeHead(304, { ETag: 'x' });
      if (request.url === '/204') response.writeHead(204);
      if (request.url === '/head') response.setHeader('Content-Length', 1000);
      response.end();
    });
    const client = await bench.client();
    for (const line of ['HEAD /head HTTP/1.1', 'GET /304 HTTP/1.1', 'GET /204 HTTP/1.1', 'HEAD /head HTTP/1.1']) {
      client.send([line, HOST]);
      assert.match(await client.gets(/\r\n\r\n/), /\r\n\r\n$/, line);
    }
  });

  test('answers a client of HTTP/1.0 without chunks, and ends the connection', async (t) => {
    const bench = await started(t);
    await bench.http((_request, response) => {
      response.write('abc');
      response.end('def');
    });
    const client = await bench.client();
    client.send(['GET / HTTP/1.0', HOST]);
    await client.ends();
    assert.match(client.text, /\r\n\r\nabcdef$/);
    assert.doesNotMatch(client.text, /chunked/i);
  });

  test('passes on WebSocket in both directions', async (t) => {
    const bench = await started(t);
    const server = await bench.http(() => undefined);
    server.on('upgrade', (request, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${request.headers.upgrade ?? ''}\r\nConnection: Upgrade\r\n\r\n`,
      );
      socket.pipe(socket);
    });
    const client = await bench.client();
    client.send([
      'GET / HTTP/1.1',
      HOST,
      'Upgrade: websocket',
      'Connection: keep-alive, Upgrade',
      'Sec-WebSocket-Key: x',
    ]);
    assert.match(await client.gets(/\r\n\r\n$/), /^HTTP\/1\.1 101 .*\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n/);
    for (const frame of ['one', 'two']) {
      client.socket.write(frame);
      assert.equal(await client.gets(/o/), frame);
    }
  });

  test('passes on answers before the final one', async (t) => {
    const bench = await started(t);
    await bench.http((request, response) => {
      response.writeEarlyHints({ link: '</x>; rel=preload' });
      void request.pipe(response);
    });
    const client = await bench.client();
    client.send(['POST / HTTP/1.1', HOST, 'Content-Length: 2', 'Expect: 100-continue']);
    await client.gets(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    client.socket.write('ok');
    assert.match(`${client.text}${await client.gets(/ok/)}`, /ok/);
  });

  test('repeats a request without content if the backend had closed the idle connection, and no other', async (t) => {
    const bench = await started(t);
    let requests = 0;
    await bench.sockets((socket) => {
      let served = 0;
      socket.on('data', () => {
        requests++;
        // It closes as soon as the second request comes, as if both had crossed on the wire.
        if (served++ > 0) socket.destroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    });
    const client = await bench.client();
    for (let i = 0; i < 3; i++) {
      client.send(['GET / HTTP/1.1', HOST]);
      await client.gets(/ok$/);
    }
    assert.equal(requests, 5);
    client.send(['POST / HTTP/1.1', HOST, 'Content-Length: 1'], 'x');
    await client.gets(/^HTTP\/1\.1 502 /);
  });

  test('answers 502 if no backend can be reached, or it answers nonsense', async (t) => {
    const bench = await started(t);
    bench.unreachable();
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST]);
    await client.gets(/^HTTP\/1\.1 502 /);
    bench.targets.length = 0;
    await bench.sockets((socket) => socket.on('data', () => socket.write('SSH-2.0-x\r\n\r\n')));
    const other = await bench.client();
    other.send(['GET / HTTP/1.1', HOST]);
    await other.gets(/^HTTP\/1\.1 502 /);
  });

  test('ends the connection of the client where that of the backend ended too early', async (t) => {
    const bench = await started(t);
    await bench.sockets((socket) => {
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
    });
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST]);
    await client.ends();
    assert.match(client.text, /abc$/);
  });

  test('reads from a backend as fast as the client reads, and no faster', async (t) => {
    const bench = await started(t);
    const size = 64 << 20;
    await bench.http((_request, response) => {
      response.setHeader('Content-Length', size);
      const piece = Buffer.alloc(1 << 20);
      let left = size;
      const write = (): void => {
        while (left > 0) {
          left -= piece.length;
          if (!response.write(piece)) {
            response.once('drain', write);
            return;
          }
        }
        response.end();
      };
      write();
    });
    const client = await bench.client();
    client.socket.pause();
    client.send(['GET / HTTP/1.1', HOST]);
    const { socket } = bench.fronts[0];
    // Until nothing moves any more.
    for (let before = -1; before !== socket.bytesWritten || before === 0;) {
      before = socket.bytesWritten;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(socket.writableLength < 1 << 20, String(socket.writableLength));
    client.socket.removeAllListeners('data');
    let got = 0;
    client.socket.on('data', (text: string) => (got += text.length));
    client.socket.resume();
    while (got < size) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('serves the next request after content that came faster than it went on, in either direction', async (t) => {
    // Each write is more than a socket wants to hold back.
    const bench = await MeshBench.start({ highWaterMark: 1 });
    t.after(() => bench.close());
    await bench.http((request, response) => {
      request.resume();
      request.on('end', () => response.end('y'.repeat(5000)));
    });
    const client = await bench.client();
    for (let i = 0; i < 3; i++) {
      client.send(['POST / HTTP/1.1', HOST, 'Content-Length: 5000'], 'z'.repeat(5000));
      await client.gets(/y{5000}$/);
    }
    assert.deepEqual([bench.pool.size, bench.fronts.length], [1, 1]);
  });
});
