import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveError, MetricsServer } from '../../../src/live/index.js';
import { hostAndPort } from '../../../src/live/metrics/metrics-server.js';

/** Sends bytes on a new connection, and returns everything received until it is closed. */
function talk(port: number, bytes: string): Promise<string> {
  return new Promise((done) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('utf8').on('data', (data: string) => void (text += data));
    socket.on('error', () => undefined).on('close', () => done(text));
  });
}

describe('a metrics server', () => {
  const servers: MetricsServer[] = [];
  const listen = async (page: () => string, port = 0, host = '127.0.0.1'): Promise<MetricsServer> => {
    const server = await MetricsServer.listen({ host, port }, page);
    servers.push(server);
    return server;
  };
  after(() => servers.forEach((server) => server.close()));

  test('serves its page at GET /metrics, with the format’s media type', async () => {
    const { port } = await listen(() => 'x 1\n');
    for (const path of ['/metrics', '/metrics?name[]=x']) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
      assert.equal(await response.text(), 'x 1\n');
    }
  });

  test('renders its page at most once per second, whatever the request rate', async () => {
    let calls = 0;
    const { port } = await listen(() => `x ${++calls}\n`);
    const began = performance.now();
    let answers = 0;
    while (performance.now() - began < 1500 || calls < 2) {
      const connections = Array.from({ length: 8 }, () =>
        talk(port, 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(50)),
      );
      for (const text of await Promise.all(connections)) answers += text.match(/^x \d+$/gm)?.length ?? 0;
    }
    const seconds = (performance.now() - began) / 1000;
    assert.ok(answers > calls, `${answers} answers`);
    assert.ok(calls <= Math.ceil(seconds) + 1, `${calls} pages in ${seconds} s`);
  });

  test('answers one request per connection, and closes it', async () => {
    const { port } = await listen(() => 'x 1\n');
    const text = await talk(port, 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(20));
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*^connection: close\r\n[^]*^x 1$/im);
    assert.equal(text.match(/^x 1$/gm)?.length, 1);
  });

  test('returns status 500 while rendering the page fails, and the page once it succeeds', async () => {
    let broken = true;
    const { port } = await listen(() => {
      if (broken) throw new Error('counters are gone');
      return 'x 1\n';
    });
    const failed = await fetch(`http://127.0.0.1:${port}/metrics`);
    assert.deepEqual([failed.status, await failed.text()], [500, 'the counters could not be read\n']);
    broken = false;
    let status = 500;
    for (let tries = 0; status === 500 && tries < 100; tries++) {
      await sleep(100);
      status = (await fetch(`http://127.0.0.1:${port}/metrics`)).status;
    }
    assert.equal(status, 200);
  });

  test('answers while the thread that renders the page is busy', async () => {
    const { port } = await listen(() => 'x 1\n');
    // This thread blocks until the other process has its answer.
    const program = `process.stdout.write(String((await fetch('http://127.0.0.1:${port}/')).status))`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { timeout: 60_000 });
    assert.equal(stdout.toString(), '404');
  });

  test('serves other clients while some hold connections open with partial requests', async () => {
    const { port } = await listen(() => 'x 1\n');
    const slow = Array.from({ length: 40 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    await Promise.all(
      slow.map((socket) => {
        socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nX: ');
        return new Promise((done) => socket.once('connect', done));
      }),
    );
    assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 200);
    assert.ok(
      slow.some((socket) => !socket.destroyed),
      'none is held open',
    );
    for (const socket of slow) socket.destroy();
  });

  test('answers HEAD without a body, and renders no page for it', async () => {
    const { port } = await listen(() => assert.fail('was made'));
    const response = await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'HEAD' });
    assert.deepEqual([response.status, await response.text()], [200, '']);
  });

  test('refuses other paths and methods', async () => {
    const { port } = await listen(() => assert.fail('was made'));
    const other = await fetch(`http://127.0.0.1:${port}/metrics/..%2f`);
    assert.deepEqual([other.status, await other.text()], [404, 'see /metrics\n']);
    const post = await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'POST', body: 'x' });
    assert.deepEqual([post.status, post.headers.get('allow')], [405, 'GET, HEAD']);
  });

  test('survives invalid HTTP, and clients that disconnect', async () => {
    const { port } = await listen(() => 'x 1\n');
    for (const bytes of ['\x00\xff\x16\x03\n\n', 'GET', 'GET /metrics HTTP/9.9\r\n\r\n', 'x'.repeat(100_000)]) {
      await new Promise<void>((done) => {
        const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
        socket.on('error', () => undefined).on('close', () => done());
        socket.resume();
      });
    }
    assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 200);
  });

  test('serves a limited number of connections, and further ones when those close', async () => {
    const { port } = await listen(() => 'x 1\n');
    const idle = Array.from({ length: 40 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    await Promise.all(idle.map((socket) => new Promise((done) => socket.once('connect', done).once('close', done))));
    for (const socket of idle) socket.destroy();
    let status = 0;
    for (let tries = 0; status !== 200 && tries < 100; tries++) {
      status = await fetch(`http://127.0.0.1:${port}/metrics`).then(
        (response) => response.status,
        () => 0,
      );
    }
    assert.equal(status, 200);
  });

  test('reports that the port is in use, or that the address is not local', async () => {
    const { port } = await listen(() => '');
    const fails = async (host: string, at: number, code: string, message: RegExp): Promise<void> => {
      await assert.rejects(
        MetricsServer.listen({ host, port: at }, () => ''),
        (error) => {
          assert.ok(error instanceof LiveError);
          assert.equal(error.code, code);
          assert.match(error.message, message);
          return true;
        },
      );
    };
    await fails('127.0.0.1', port, 'PORT_IN_USE', /^metrics on 127\.0\.0\.1:\d+: the port is in use; choose another$/);
    await fails('192.0.2.1', port, 'NOT_THERE', /^metrics on 192\.0\.2\.1:\d+: no local interface has this address$/);
    await fails('2001:db8::1', 9100, 'NOT_THERE', /^metrics on \[2001:db8::1\]:9100: /);
  });

  test('closes its connections when it is closed', async () => {
    const server = await listen(() => '');
    const socket = connect(server.port, '127.0.0.1');
    await new Promise((done) => socket.once('connect', done));
    const closed = new Promise((done) => socket.once('close', done).on('error', () => undefined));
    server.close();
    await closed;
  });

  test('puts an IPv6 address in brackets', () => {
    assert.deepEqual(
      [hostAndPort('::1', 9), hostAndPort('127.0.0.1', 9), hostAndPort('localhost', 9)],
      ['[::1]:9', '127.0.0.1:9', 'localhost:9'],
    );
  });
});
