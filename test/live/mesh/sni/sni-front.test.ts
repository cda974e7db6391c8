/** Connections of TLS through a mesh, with real clients and servers: by name, unread, whole, and what goes nowhere. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHttp2, createSecureServer } from 'node:http2';
import { createServer as createHttps, get } from 'node:https';
import { connect as connectSocket, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { createServer, type SecureVersion, type TlsOptions } from 'node:tls';
import { ProxyVersion } from '../../../../src/overlay/index.js';
import { beginningFor } from '../../../../src/live/mesh/client-beginning.js';
import { Failure } from '../../../../src/live/mesh/exchange.js';
import { helloOf } from '../../../mesh/tls/hello.js';
import { CA, CERTIFIED, SniBench } from './sni-bench.js';

const NAME = 'a.example.org';
const UNRECOGNIZED_NAME = '15030100020270';
const DECODE_ERROR = '15030100020232';

/** A server of TLS that sends back what it gets, after a greeting. */
function echo(greeting: string, options: TlsOptions = {}): ReturnType<typeof createServer> {
  return createServer({ ...CERTIFIED, ...options, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.write(greeting);
    socket.pipe(socket);
  });
}

async function said(socket: Duplex, length: number): Promise<string> {
  let text = '';
  while (text.length < length) {
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    text += bytes.toString();
  }
  return text;
}

describe('a connection of TLS', () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const satisfies readonly SecureVersion[]) {
    test(`of ${version} reaches the backend of its name, which proves who it is`, async (t) => {
      const bench = await SniBench.start(t);
      bench.lead(NAME, await bench.serve(echo('one')));
      bench.lead('*.b.example.org', await bench.serve(echo('two')));
      for (const [servername, greeting] of [
        ['A.Example.ORG', 'one'],
        ['x.b.example.org', 'two'],
      ]) {
        const client = await bench.client({ servername, minVersion: version, maxVersion: version });
        assert.equal(client.getProtocol(), version);
        assert.equal(await said(client, 3), greeting);
        client.end('bye');
        assert.equal(await said(client, 3), 'bye');
        await once(client, 'close');
      }
      await bench.finished(2);
      const [{ host, bytesIn, bytesOut, attempts, failure, target }] = bench.exchanges;
      assert.equal(host, NAME);
      assert.ok(bytesIn > 100 && bytesOut > 100, `${bytesIn} ${bytesOut}`);
      assert.equal(attempts, 1);
      assert.equal(failure, undefined);
      assert.equal(target?.active, 0);
      assert.equal(bench.connections, 0);
    });
  }

  test('passes on HTTP/1 and, by ALPN, HTTP/2', async (t) => {
    const bench = await SniBench.start(t);
    bench.lead(NAME, await bench.serve(createHttps(CERTIFIED, (request, response) => response.end(request.url))));
    const h2 = createSecureServer(CERTIFIED, (request, response) => response.end(request.url));
    bench.lead('x.b.example.org', await bench.serve(h2));
    const { port } = bench;
    const text = await new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path: '/1', servername: NAME, ca: CA.pem, agent: false };
      get(options, (response) => {
        response.setEncoding('utf8').on('data', resolve);
      }).on('error', reject);
    });
    assert.equal(text, '/1');
    const session = connectHttp2(`https://127.0.0.1:${port}`, { servername: 'x.b.example.org', ca: CA.pem });
    const stream = session.request({ ':path': '/2' }).setEncoding('utf8');
    assert.deepEqual(await once(stream, 'data'), ['/2']);
    session.close();
    await bench.finished(2);
  });

  test('passes on 10 MB each way, byte for byte, and the end of each direction by itself', async (t) => {
    const bench = await SniBench.start(t);
    bench.lead(NAME, await bench.serve(echo('')));
    const client = await bench.client({ servername: NAME });
    const sent = randomBytes(10 << 20);
    const hash = createHash('sha256');
    let length = 0;
    client.on('data', (bytes: Buffer) => {
      hash.update(bytes);
      length += bytes.length;
    });
    client.end(sent);
    await once(client, 'end');
    assert.equal(length, sent.length);
    assert.equal(hash.digest('hex'), createHash('sha256').update(sent).digest('hex'));
    const { bytesIn, bytesOut, failure } = await bench.finished();
    assert.ok(bytesIn > sent.length && bytesOut > sent.length);
    assert.equal(failure, undefined);
  });

  test('may begin byte by byte', async (t) => {
    const bench = await SniBench.start(t);
    bench.lead(NAME, await bench.serve(echo('hello')));
    const socket = connectSocket({ host: '127.0.0.1', port: bench.port, noDelay: true });
    const client = await bench.client({ servername: NAME, socket: new Dripping(socket) });
    assert.equal(await said(client, 5), 'hello');
    client.destroy();
    await bench.finished();
  });

  test('stays with its backend when no route leads there any more', async (t) => {
    const bench = await SniBench.start(t);
    const target = await bench.serve(echo('hello'));
    bench.lead(NAME, target);
    const client = await bench.client({ servername: NAME });
    await said(client, 5);
    target.isLeaving = true;
    client.write('still');
    assert.equal(await said(client, 5), 'still');
    assert.equal(target.active, 1);
  });
});

describe('a backend of TLS connections', () => {
  test('that is down is passed over, and of those that are, none is tried for ever', async (t) => {
    const bench = await SniBench.start(t);
    const down = await bench.unreachable();
    const up = await bench.serve(echo('hello'));
    bench.lead(NAME, down, up);
    const client = await bench.client({ servername: NAME });
    assert.equal(await said(client, 5), 'hello');
    client.destroy();
    const { attempts, target } = await bench.finished();
    assert.equal(attempts, 2);
    assert.equal(target, up);
    assert.equal(down.failures, 1);
    assert.equal(down.active, 0);

    const alone = await bench.unreachable();
    bench.lead('x.b.example.org', alone);
    bench.lead('y.b.example.org');
    for (const [count, name, failure] of [
      [2, 'x.b.example.org', Failure.Unreachable],
      [3, 'y.b.example.org', Failure.NoBackend],
    ] as const) {
      const raw = await bench.raw();
      raw.socket.write(await helloOf({ servername: name }));
      assert.equal((await raw.ends()).length, 0);
      assert.equal((await bench.finished(count)).failure, failure);
    }
    assert.equal(alone.failures, 1);
    assert.equal(alone.active, 0);
  });

  test('to which a connection takes too long is passed over', async (t) => {
    const bench = await SniBench.start(t);
    bench.timeouts.connect = 20;
    bench.lead(NAME, bench.silent);
    const raw = await bench.raw();
    raw.socket.write(await helloOf({ servername: NAME }));
    await raw.ends();
    const { failure, target } = await bench.finished();
    assert.equal(failure, Failure.Unreachable);
    assert.equal(target?.failures, 1);
  });

  test('gets the PROXY header, then exactly what the client sent', async (t) => {
    const bench = await SniBench.start(t);
    const client = { address: '192.0.2.1', port: 1, localAddress: '192.0.2.2', localPort: 443, isTrusted: false };
    bench.beginning = beginningFor(ProxyVersion.Binary, client);
    const got: Buffer[] = [];
    const backend = await bench.sockets((socket) => {
      socket.on('data', (bytes) => got.push(bytes)).on('end', () => socket.end('done'));
    });
    bench.lead(NAME, backend);
    const raw = await bench.raw();
    const hello = await helloOf({ servername: NAME });
    raw.socket.end(hello);
    assert.equal((await raw.ends()).toString(), 'done');
    assert.deepEqual(Buffer.concat(got), Buffer.concat([bench.beginning ?? Buffer.alloc(0), hello]));
  });

  test('may go on sending after the client has ended, and the other way round', async (t) => {
    const bench = await SniBench.start(t);
    let ended: Socket | undefined;
    const first = await bench.sockets((socket) => {
      socket.resume().on('end', () => setImmediate(() => socket.end('late')));
    });
    const second = await bench.sockets((socket) => {
      ended = socket;
      socket.end('early');
    });
    bench.lead(NAME, first);
    bench.lead('x.b.example.org', second);
    const one = await bench.raw();
    one.socket.end(await helloOf({ servername: NAME }));
    assert.equal((await one.ends()).toString(), 'late');

    const two = await bench.raw();
    two.socket.removeAllListeners('end');
    two.socket.write(await helloOf({ servername: 'x.b.example.org' }));
    await once(two.socket, 'end');
    assert.equal(two.bytes.toString(), 'early');
    two.socket.end('after all');
    let got = '';
    ended?.setEncoding('latin1').on('data', (text: string) => (got += text));
    await once(ended as Socket, 'end');
    assert.match(got, /after all$/);
  });

  test('is read as fast as the client reads, and no faster', async (t) => {
    const bench = await SniBench.start(t);
    const size = 64 << 20;
    let left = size;
    const backend = await bench.sockets((socket) => {
      const piece = Buffer.alloc(1 << 20);
      const write = (): void => {
        while (left > 0) {
          left -= piece.length;
          if (!socket.write(piece)) {
            socket.once('drain', write);
            return;
          }
        }
        socket.end();
      };
      write();
    });
    bench.lead(NAME, backend);
    const raw = await bench.raw();
    raw.socket.removeAllListeners('data');
    raw.socket.pause();
    raw.socket.write(await helloOf({ servername: NAME }));
    while (bench.upstreams[0]?.isPaused() !== true && left > 0) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(left > 0);
    assert.ok(bench.fronts[0].socket.writableLength < 1 << 20);
    let got = 0;
    raw.socket.on('data', (bytes: Buffer) => (got += bytes.length)).resume();
    await raw.ends();
    assert.equal(got, size);
  });

  test('that resets the connection has it reset towards the client, and the other way round', async (t) => {
    const bench = await SniBench.start(t);
    const hello = await helloOf({ servername: NAME });
    bench.lead(NAME, await bench.sockets((socket) => socket.once('data', () => socket.resetAndDestroy())));
    const raw = await bench.raw();
    raw.socket.write(hello);
    await raw.ends();
    assert.equal(raw.error, 'ECONNRESET');
    assert.equal((await bench.finished()).failure, Failure.BackendClosed);

    let hasReset: (code: string | undefined) => void;
    const reset = new Promise<string | undefined>((resolve) => (hasReset = resolve));
    const backend = await bench.sockets((socket) => {
      socket.on('error', ({ code }: NodeJS.ErrnoException) => hasReset(code));
      socket.once('data', () => socket.write('x'));
    });
    bench.lead('x.b.example.org', backend);
    const other = await bench.raw();
    other.socket.write(await helloOf({ servername: 'x.b.example.org' }));
    await once(other.socket, 'data');
    other.socket.resetAndDestroy();
    assert.equal(await reset, 'ECONNRESET');
    assert.equal((await bench.finished(2)).failure, Failure.ClientClosed);
    assert.equal(backend.active, 0);
  });
});

describe('a client on a port for TLS', () => {
  test('that wants an unknown server, or none, learns that from an alert', async (t) => {
    const bench = await SniBench.start(t);
    bench.lead(NAME, await bench.unreachable());
    await assert.rejects(bench.client({ servername: 'c.example.org' }), /unrecognized name/);
    for (const options of [{ host: '192.0.2.1' }, { servername: 'example.org' }]) {
      const raw = await bench.raw();
      raw.socket.write(await helloOf(options));
      assert.equal((await raw.ends()).toString('hex'), UNRECOGNIZED_NAME);
    }
    const { failure, host, attempts } = await bench.finished(3);
    assert.deepEqual([failure, host, attempts], [Failure.UnknownHost, 'example.org', 0]);
  });

  test('that speaks something else is closed, and one whose message is malformed gets an alert', async (t) => {
    const bench = await SniBench.start(t);
    for (const [bytes, answer] of [
      [Buffer.from('GET / HTTP/1.1\r\n\r\n'), ''],
      [Buffer.from([0x80, 0x2e, 1, 0, 2]), ''],
      [Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n'), ''],
      [Buffer.from('1603010005020000000000', 'hex'), DECODE_ERROR],
      // 64 KiB.
      [Buffer.from('16030140000100ffff', 'hex'), DECODE_ERROR],
    ] as const) {
      const raw = await bench.raw();
      raw.socket.write(bytes);
      assert.equal((await raw.ends()).toString('hex'), answer);
    }
    await bench.finished(5);
    for (const { failure } of bench.exchanges) assert.equal(failure, Failure.BadRequest);
  });

  test('that sends more records than a message needs is refused', async (t) => {
    const bench = await SniBench.start(t);
    const raw = await bench.raw();
    // A message of 16 KiB in records of one byte.
    const records = Buffer.alloc(6 * 16_384, Buffer.from('160301000100', 'hex'));
    records.set(Buffer.from('160301000401003f00', 'hex'));
    raw.socket.write(records);
    await raw.ends();
    assert.equal((await bench.finished()).failure, Failure.BadRequest);
  });

  test('that never finishes its message is closed in time', async (t) => {
    const bench = await SniBench.start(t);
    bench.timeouts.head = 30;
    const hello = await helloOf({ servername: NAME });
    for (const length of [0, 1, hello.length - 1]) {
      const raw = await bench.raw();
      raw.socket.write(hello.subarray(0, length));
      await raw.ends();
    }
    await bench.finished(3);
    for (const { failure } of bench.exchanges) assert.equal(failure, Failure.ClientTimeout);
  });

  test('that leaves before it has said whom it wants counts, but not if it has said nothing', async (t) => {
    const bench = await SniBench.start(t);
    const hello = await helloOf({ servername: NAME });
    for (const length of [0, 10]) {
      const raw = await bench.raw();
      raw.socket.end(hello.subarray(0, length));
      await raw.ends();
    }
    assert.equal((await bench.finished()).bytesIn, 10);
    assert.deepEqual(
      bench.exchanges.map(({ failure }) => failure),
      [Failure.ClientClosed],
    );
  });

  test('and its backend are closed when nothing came through for long', async (t) => {
    const bench = await SniBench.start(t);
    bench.timeouts.tunnel = 50;
    let closed: Promise<unknown> | undefined;
    bench.lead(
      NAME,
      await bench.sockets((socket) => (closed = new Promise((resolve) => socket.resume().on('close', resolve)))),
    );
    const raw = await bench.raw();
    raw.socket.write(await helloOf({ servername: NAME }));
    await raw.ends();
    await closed;
    assert.equal((await bench.finished()).failure, Failure.ClientTimeout);
  });
});

/** Writes each byte by itself, as long as a client's first message is short. */
class Dripping extends Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (bytes) => this.push(bytes)).on('end', () => this.push(null));
    socket.on('error', () => undefined);
  }

  override _read(): void {
    // It flows.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const drip = async (): Promise<void> => {
      for (const byte of chunk) {
        this.#socket.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      done();
    };
    void drip();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
