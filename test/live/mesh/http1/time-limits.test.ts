/** What takes too long, and how connections end. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Socket } from 'node:net';
import { type BenchSettings, MeshBench } from './mesh-bench.js';

const HOST = 'Host: a.example.org';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function started(t: TestContext, timeouts: BenchSettings['timeouts'] = {}): Promise<MeshBench> {
  const bench = await MeshBench.start({ timeouts });
  t.after(() => bench.close());
  return bench;
}

describe('a time limit of a front', () => {
  test('ends a connection on which nothing comes', async (t) => {
    const bench = await started(t, { head: 1 });
    const client = await bench.client();
    await client.ends();
    assert.equal(client.text, '');
    assert.equal(bench.exchanges.length, 0);
  });

  test('ends a head that does not become complete, with 408', async (t) => {
    const bench = await started(t, { head: 1 });
    const client = await bench.client();
    client.socket.write('GET / HTTP/1.1\r\nX');
    await client.ends();
    assert.match(client.text, /^HTTP\/1\.1 408 [^]*\r\nConnection: close\r\n/);
    assert.equal(bench.exchanges[0].failure, 'client-timeout');
  });

  test('ends a connection between requests, without a word', async (t) => {
    const bench = await started(t, { idle: 1 });
    await bench.sockets((socket) => socket.on('data', () => socket.write(OK)));
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST]);
    await client.ends();
    assert.match(client.text, /ok$/);
    assert.equal(bench.exchanges.length, 1);
  });

  test('answers 504 for a backend that does not', async (t) => {
    const bench = await started(t, { response: 1 });
    await bench.sockets((socket) => socket.resume());
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST]);
    await client.gets(/^HTTP\/1\.1 504 /);
    assert.equal(bench.exchanges[0].failure, 'backend-timeout');
    assert.equal(bench.targets[0].active, 0);
  });

  test('answers 408 for content that does not come', async (t) => {
    const bench = await started(t, { response: 1 });
    await bench.sockets((socket) => socket.resume());
    const client = await bench.client();
    client.send(['POST / HTTP/1.1', HOST, 'Content-Length: 3'], 'a');
    await client.ends();
    assert.match(client.text, /^HTTP\/1\.1 408 /);
  });

  test('ends a response in the middle, so that the client sees it', async (t) => {
    const bench = await started(t, { response: 1 });
    await bench.sockets((socket) => socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nabc')));
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST]);
    await client.ends();
    assert.match(client.text, /abc$/);
    assert.equal((client.error as NodeJS.ErrnoException | undefined)?.code, 'ECONNRESET');
  });

  test('ends a connection whose client does not read', async (t) => {
    const bench = await started(t, { response: 1 });
    await bench.sockets((socket) => {
      socket.on('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n');
        socket.write(Buffer.alloc(20_000_000));
      });
    });
    const client = await bench.client();
    client.socket.pause();
    client.send(['GET / HTTP/1.1', HOST]);
    await bench.until(() => bench.exchanges.length === 1);
    assert.deepEqual([bench.exchanges[0].failure, bench.exchanges[0].status], ['client-timeout', 200]);
  });

  test('ends a tunnel in which nothing moves', async (t) => {
    const bench = await started(t, { tunnel: 1 });
    await bench.sockets((socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'));
    });
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST, 'Upgrade: websocket', 'Connection: Upgrade']);
    await client.ends();
    assert.equal(bench.exchanges[0].protocol, 'WebSocket');
  });
});

describe('a connection that is to end', () => {
  test('ends at once if no request is under way, otherwise after its response', async (t) => {
    const bench = await started(t);
    const sockets: Socket[] = [];
    await bench.sockets((socket) => {
      sockets.push(socket);
      socket.resume();
    });
    const idle = await bench.client();
    const busy = await bench.client();
    busy.send(['GET / HTTP/1.1', HOST]);
    await bench.until(() => sockets.length === 1);
    for (const front of bench.fronts) front.drain();
    await idle.ends();
    assert.equal(idle.text, '');
    sockets[0].write(OK);
    await busy.ends();
    assert.match(busy.text, /\r\nConnection: close\r\n\r\nok$/);
  });

  test('is reported with what is known if the client closes it', async (t) => {
    const bench = await started(t);
    let closed = 0;
    await bench.sockets((socket) => {
      socket.resume();
      socket.on('close', () => closed++);
    });
    const client = await bench.client();
    client.send(['POST /x HTTP/1.1', HOST, 'Content-Length: 9'], 'abc');
    await bench.until(() => bench.targets[0].active === 1);
    client.socket.resetAndDestroy();
    await bench.until(() => closed === 1);
    const [{ failure, status, method, path }] = bench.exchanges;
    assert.deepEqual([failure, status, method, path], ['client-closed', 0, 'POST', '/x']);
    assert.equal(bench.targets[0].active, 0);
  });
});

describe('content that comes after an answer', () => {
  test('is not taken for a request if the client waited for 100', async (t) => {
    const bench = await started(t);
    let got = '';
    await bench.sockets((socket) => {
      socket.on('data', (bytes: Buffer) => {
        got += bytes.toString();
        socket.write('HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno');
      });
    });
    const client = await bench.client();
    const hidden = 'GET /hidden HTTP/1.1\r\nHost: a.example.org\r\n\r\n';
    client.send(['POST / HTTP/1.1', HOST, `Content-Length: ${hidden.length}`, 'Expect: 100-continue']);
    assert.match(await client.gets(/no$/), /^HTTP\/1\.1 417 [^]*\r\nConnection: close\r\n/);
    client.socket.write(hidden);
    await client.ends();
    assert.doesNotMatch(got, /hidden/);
  });

  test('passes on while the response is under way', async (t) => {
    const bench = await started(t);
    await bench.http((request, response) => {
      response.writeHead(200);
      response.flushHeaders();
      request.on('data', (bytes: Buffer) => response.write(`<${bytes.toString()}>`));
      request.on('end', () => response.end());
    });
    const client = await bench.client();
    client.send(['POST / HTTP/1.1', HOST, 'Transfer-Encoding: chunked']);
    await client.gets(/^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
    for (const text of ['abc', 'def']) {
      client.socket.write(`3\r\n${text}\r\n`);
      await client.gets(new RegExp(`<${text}>`));
    }
    client.socket.write('0\r\n\r\n');
    await client.gets(/0\r\n\r\n$/);
    client.send(['POST / HTTP/1.1', HOST, 'Content-Length: 1'], 'x');
    await client.gets(/<x>/);
  });

  test('is let go if the backend has answered without it', async (t) => {
    const bench = await started(t);
    await bench.sockets((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno'));
    });
    const client = await bench.client();
    client.send(['POST / HTTP/1.1', HOST, 'Content-Length: 500000'], 'x'.repeat(100_000));
    client.socket.write('y'.repeat(300_000));
    await client.ends();
    assert.match(client.text, /^HTTP\/1\.1 413 [^]*no$/);
    assert.equal(client.error, undefined);
  });
});

describe('a response that a backend does not finish', () => {
  test('is incomplete for the client, too', async (t) => {
    const bench = await started(t);
    await bench.sockets((socket) => {
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\nde'));
    });
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST]);
    await client.ends();
    assert.match(client.text, /abc\r\n5\r\nde$/);
    assert.equal(bench.exchanges[0].failure, 'backend-closed');
    const old = await bench.client();
    old.send(['GET / HTTP/1.0', HOST]);
    await old.ends();
    assert.equal((old.error as NodeJS.ErrnoException | undefined)?.code, 'ECONNRESET');
  });

  test('is none if it switches protocols unasked', async (t) => {
    const bench = await started(t);
    await bench.sockets((socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'));
    });
    const client = await bench.client();
    client.send(['GET / HTTP/1.1', HOST, 'Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: x']);
    await client.gets(/^HTTP\/1\.1 502 /);
    assert.equal(bench.exchanges[0].failure, 'bad-response');
  });
});

describe('the preface of HTTP/2', () => {
  test('has the connection passed on, whole or in pieces', async (t) => {
    const bench = await started(t);
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
    const whole = await bench.client();
    whole.socket.write(`${preface}more`);
    await bench.until(() => bench.http2.length === 1);
    const pieces = await bench.client();
    for (const byte of preface) {
      pieces.socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await bench.until(() => bench.http2.length === 2);
    assert.deepEqual(
      bench.http2.map(({ text }) => text),
      [`${preface}more`, preface],
    );
    for (const { socket } of bench.http2) {
      assert.equal(socket.listenerCount('data') + socket.listenerCount('drain') + socket.listenerCount('error'), 0);
    }
    assert.equal(bench.exchanges.length, 0);
  });
});
