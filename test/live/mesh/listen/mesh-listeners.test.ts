/** The listening sockets of a mesh: arranged while connections are open, in trouble, full, and behind load balancers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, test, type TestContext } from 'node:test';
import type { Client } from '../../../../src/live/mesh/client.js';
import { TrustedPeers } from '../../../../src/live/mesh/client-trust.js';
import { acceptTrouble, listenTrouble } from '../../../../src/live/mesh/listen/listen-trouble.js';
import { type Listening, ListenKind } from '../../../../src/live/mesh/listen/listening.js';
import { MeshListeners, type MeshListenersOptions } from '../../../../src/live/mesh/listen/mesh-listeners.js';
import { proxyHeader1, proxyHeader2 } from '../../../../src/mesh/index.js';
import { parsePrefix } from '../../../../src/overlay/index.js';

const HTTP: Listening = { address: '127.0.0.1', port: 0, kind: ListenKind.Http };
const CONNECTION = { source: '192.0.2.1', sourcePort: 5000, destination: '192.0.2.2', destinationPort: 443 };
const MINUTE = 60_000;

/** A connection that a front took over. */
interface Taken {
  readonly kind: ListenKind;
  readonly socket: Socket;
  readonly client: Client;
  bytes: string;
}

/** Listeners whose fronts keep what comes, and clients. */
class ListenBench {
  readonly listeners: MeshListeners;
  readonly taken: Taken[] = [];
  /** Causes and texts. */
  readonly troubles: [string, string | undefined][] = [];
  readonly #sockets: Socket[] = [];
  #changed: (() => void) | undefined;

  constructor(t: TestContext, options: Partial<MeshListenersOptions> = {}) {
    const take =
      (kind: ListenKind) =>
      (socket: Socket, client: Client, first: Buffer | undefined): void => {
        const taken: Taken = { kind, socket, client, bytes: first?.toString('latin1') ?? '' };
        this.taken.push(taken);
        socket.on('error', () => undefined);
        socket.on('end', () => socket.end());
        socket.on('data', (bytes: Buffer) => {
          taken.bytes += bytes.toString('latin1');
          this.#changed?.();
        });
        this.#changed?.();
      };
    this.listeners = new MeshListeners({
      http: take(ListenKind.Http),
      tls: take(ListenKind.Tls),
      trouble: (cause, what) => {
        this.troubles.push([cause, what]);
        this.#changed?.();
      },
      ...options,
    });
    t.after(() => {
      for (const socket of this.#sockets) socket.destroy();
      this.listeners.close();
    });
  }

  /** Has loopback be trusted, and its connections begin with PROXY headers. */
  behindProxy(headTimeout = MINUTE): void {
    this.listeners.trusted = new TrustedPeers([parsePrefix('127.0.0.1/32')]);
    this.listeners.settings = { acceptProxy: true, headTimeout };
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }

  /** A connection that may be refused. */
  dial(port = this.listeners.open[0].port, host = '127.0.0.1', localAddress?: string): Socket {
    const socket = connect({ host, port, ...(localAddress === undefined ? {} : { localAddress }) });
    this.#sockets.push(socket);
    socket.on('error', () => undefined);
    return socket;
  }

  async connect(port?: number, host?: string, localAddress?: string): Promise<Socket> {
    const socket = this.dial(port, host, localAddress);
    await once(socket, 'connect');
    return socket;
  }
}

/** How a connection ends: the code of its error, or undefined. */
function ended(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    let code: string | undefined;
    socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code));
    socket.resume().on('close', () => resolve(code));
  });
}

/** A port that is in use, until the result is called. */
async function occupied(): Promise<[number, () => Promise<unknown>]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return [(server.address() as AddressInfo).port, () => new Promise((resolve) => server.close(resolve))];
}

describe('the listeners of a mesh', () => {
  test('open what is new and close what is gone, and leave the rest and open connections alone', async (t) => {
    const bench = new ListenBench(t);
    const { listeners } = bench;
    await listeners.arrange([HTTP]);
    const [{ port }] = listeners.open;
    const first = await bench.connect(port);
    // The same list again, and another address beside it.
    const other: Listening = { ...HTTP, address: '127.0.0.2' };
    await listeners.arrange([HTTP, other, other]);
    assert.equal(listeners.open.length, 2);
    assert.equal(listeners.open[0].port, port);
    await listeners.arrange([other]);
    await assert.rejects(bench.connect(port), { code: 'ECONNREFUSED' });
    first.write('still');
    await bench.until(() => bench.taken[0].bytes === 'still');
    assert.equal(listeners.connections, 1);
    first.end();
    await once(bench.taken[0].socket, 'close');
    assert.equal(listeners.connections, 0);
    assert.deepEqual(bench.troubles, []);
  });

  test('may speak something else from one connection to the next', async (t) => {
    const bench = new ListenBench(t);
    await bench.listeners.arrange([HTTP]);
    await bench.connect();
    await bench.until(() => bench.taken.length === 1);
    await bench.listeners.arrange([{ ...HTTP, kind: ListenKind.Tls }]);
    await bench.connect();
    await bench.until(() => bench.taken.length === 2);
    assert.deepEqual(
      bench.taken.map(({ kind }) => kind),
      [ListenKind.Http, ListenKind.Tls],
    );
  });

  test('close a port at once: another may listen there when the call returns', async (t) => {
    const bench = new ListenBench(t);
    await bench.listeners.arrange([HTTP]);
    const [{ port }] = bench.listeners.open;
    void bench.listeners.arrange([]);
    const other = new ListenBench(t);
    await other.listeners.arrange([{ ...HTTP, port }]);
    assert.deepEqual(other.troubles, []);
    // And one that is closed before it is open doesn't open.
    const late = other.listeners.arrange([HTTP]);
    await Promise.all([late, other.listeners.arrange([])]);
    assert.deepEqual(other.listeners.open, []);
  });

  test('say once that a port is in use, try again, and say when it works', async (t) => {
    const [port, free] = await occupied();
    const bench = new ListenBench(t, { retry: 10 });
    const wanted = { ...HTTP, port };
    await bench.listeners.arrange([wanted, HTTP]);
    assert.equal(bench.listeners.open.length, 1);
    await bench.listeners.arrange([wanted, HTTP]);
    const cause = `listen 127.0.0.1:${port}`;
    const text =
      `the mesh can't listen on 127.0.0.1:${port}: another program uses it; stop that program, or set another port ` +
      'in mesh.http; trying again';
    assert.deepEqual(bench.troubles, [[cause, text]]);
    await free();
    await bench.until(() => bench.troubles.length === 2);
    assert.deepEqual(bench.troubles[1], [cause, undefined]);
    await bench.connect(port);
  });

  test('no longer try a port that nobody wants any more', async (t) => {
    const [port, free] = await occupied();
    const bench = new ListenBench(t, { retry: 1 });
    await bench.listeners.arrange([{ ...HTTP, port }]);
    await bench.listeners.arrange([HTTP]);
    assert.deepEqual(
      bench.troubles.map(([, what]) => what === undefined),
      [false, true],
    );
    await free();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await assert.rejects(bench.connect(port), { code: 'ECONNREFUSED' });
  });

  test('say what to do about each error', async (t) => {
    const bench = new ListenBench(t);
    await bench.listeners.arrange([{ address: '192.0.2.1', port: 80, kind: ListenKind.Http }]);
    assert.match(bench.troubles[0][1] ?? '', /no local interface has this address; add it, or change mesh\.listen/);
    const tls = { address: '::', port: 443, kind: ListenKind.Tls };
    const denied = Object.assign(new Error('x'), { code: 'EACCES' });
    assert.equal(
      listenTrouble(tls, denied),
      "the mesh can't listen on [::]:443: permission denied; run as root, or set a port above 1023 in mesh.tls; trying again",
    );
    const files = Object.assign(new Error('x'), { code: 'EMFILE' });
    assert.match(acceptTrouble(tls, files), /too many files are open; raise the limit/);
  });

  test('reset connections that are too many, count them, say so once, and when it is over', async (t) => {
    const bench = new ListenBench(t, { maxConnections: 2 });
    const { listeners } = bench;
    await listeners.arrange([HTTP]);
    const [first] = [await bench.connect(), await bench.connect()];
    await bench.until(() => bench.taken.length === 2);
    for (let i = 0; i < 2; i++) assert.equal(await ended(bench.dial()), 'ECONNRESET');
    assert.deepEqual(listeners.counters, { accepted: 2, refused: 2, badProxyHeaders: 0 });
    const text = 'the mesh has 2 open connections, the maximum; more are refused';
    assert.deepEqual(bench.troubles, [['connections', text]]);
    first.destroy();
    await bench.until(() => bench.troubles.length === 2);
    assert.deepEqual(bench.troubles[1], ['connections', undefined]);
    await bench.connect();
    await bench.until(() => bench.taken.length === 3);
  });

  test('count right also if a front leaves no listener on a socket', async (t) => {
    const bench = new ListenBench(t, { maxConnections: 1 });
    await bench.listeners.arrange([HTTP]);
    await bench.connect();
    await bench.until(() => bench.taken.length === 1);
    bench.taken[0].socket.removeAllListeners().destroy();
    await bench.connect();
    await bench.until(() => bench.taken.length === 2);
    assert.equal(bench.listeners.connections, 1);
  });

  test('end in peace, and reset what takes too long', async (t) => {
    const bench = new ListenBench(t);
    await bench.listeners.arrange([HTTP]);
    const peaceful = await bench.connect();
    await bench.until(() => bench.taken.length === 1);
    const drained = bench.listeners.drain(MINUTE);
    assert.deepEqual(bench.listeners.open, []);
    peaceful.end();
    await drained;
    await bench.listeners.arrange([HTTP]);
    const slow = ended(await bench.connect());
    await bench.until(() => bench.taken.length === 2);
    await bench.listeners.drain(1);
    assert.equal(await slow, 'ECONNRESET');
    await bench.listeners.drain(MINUTE);
  });

  test('wait for no connection whose PROXY header has not come', async (t) => {
    const bench = new ListenBench(t);
    bench.behindProxy();
    await bench.listeners.arrange([HTTP]);
    await bench.connect();
    while (bench.listeners.connections === 0) await new Promise((resolve) => setImmediate(resolve));
    await bench.listeners.drain(MINUTE);
    assert.equal(bench.listeners.connections, 0);
  });
});

describe('a client of a listener', () => {
  test('has the addresses of its connection', async (t) => {
    const bench = new ListenBench(t);
    await bench.listeners.arrange([HTTP]);
    const [{ port }] = bench.listeners.open;
    const socket = await bench.connect(port, '127.0.0.1', '127.0.0.3');
    await bench.until(() => bench.taken.length === 1);
    const [{ client }] = bench.taken;
    assert.deepEqual(
      [client.address, client.port, client.localAddress, client.localPort, client.isTrusted],
      ['127.0.0.3', socket.localPort, '127.0.0.1', port, false],
    );
  });

  const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
  test('of IPv4 on a socket of both families is one of IPv4', { skip: !hasIpv6 && 'no IPv6 here' }, async (t) => {
    const bench = new ListenBench(t);
    const both = { ...HTTP, address: '::' };
    await bench.listeners.arrange([both]);
    const [{ port }] = bench.listeners.open;
    await bench.connect(port);
    await bench.until(() => bench.taken.length === 1);
    assert.equal(bench.taken[0].client.address, '127.0.0.1');
    assert.equal(bench.taken[0].client.localAddress, '127.0.0.1');
    // With a socket for IPv4 beside it, each has its own family.
    await bench.listeners.arrange([
      { ...both, port },
      { ...HTTP, address: '0.0.0.0', port },
    ]);
    assert.deepEqual(bench.troubles, []);
    await bench.connect(port, '::1');
    await bench.connect(port);
    await bench.until(() => bench.taken.length === 3);
    assert.deepEqual(
      bench.taken
        .map(({ client }) => client.address)
        .slice(1)
        .sort(),
      ['127.0.0.1', '::1'],
    );
  });
});

describe('a PROXY header of a trusted peer', () => {
  const headers = [Buffer.from(proxyHeader1(CONNECTION), 'latin1'), Buffer.from(proxyHeader2(CONNECTION))];

  test('names the client, in pieces or with what follows, of which nothing is lost', async (t) => {
    const bench = new ListenBench(t);
    bench.behindProxy();
    await bench.listeners.arrange([HTTP]);
    for (const header of headers) {
      const whole = await bench.connect();
      whole.write(Buffer.concat([header, Buffer.from('GET')]));
      const count = bench.taken.length;
      await bench.until(() => bench.taken.length === count + 1 && bench.taken[count].bytes === 'GET');
      whole.write(' /');
      await bench.until(() => bench.taken[count].bytes === 'GET /');
      const { address, port, localAddress, localPort, isTrusted } = bench.taken[count].client;
      assert.deepEqual([address, port, localAddress, localPort], ['192.0.2.1', 5000, '192.0.2.2', 443]);
      assert.equal(isTrusted, false);

      const slow = await bench.connect();
      slow.setNoDelay();
      for (const byte of Buffer.concat([header, Buffer.from('PUT')])) {
        slow.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await bench.until(() => bench.taken.length === count + 2 && bench.taken[count + 1].bytes === 'PUT');
      assert.equal(bench.taken[count + 1].client.address, '192.0.2.1');
    }
  });

  test('that names nobody leaves the peer as the client', async (t) => {
    const bench = new ListenBench(t);
    bench.behindProxy();
    await bench.listeners.arrange([HTTP]);
    for (const header of [Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex'), Buffer.from('PROXY UNKNOWN\r\n')]) {
      (await bench.connect()).write(header);
      const count = bench.taken.length + 1;
      await bench.until(() => bench.taken.length === count);
      const { client } = bench.taken[count - 1];
      assert.equal(client.address, '127.0.0.1');
      assert.equal(client.isTrusted, true);
    }
  });

  test('that is missing, malformed, cut off or late has the connection closed, and counted', async (t) => {
    const bench = new ListenBench(t);
    bench.behindProxy();
    await bench.listeners.arrange([HTTP]);
    const { counters } = bench.listeners;
    for (const [i, bytes] of ['GET / HTTP/1.1\r\n\r\n', 'PROXY TCP4 x\r\n', 'PROXY TC'].entries()) {
      const socket = await bench.connect();
      const end = ended(socket);
      if (i < 2) socket.write(bytes);
      else socket.end(bytes);
      await end;
      assert.equal(counters.badProxyHeaders, i + 1);
    }
    // A look whether the port is open is none.
    const look = await bench.connect();
    look.end();
    await ended(look);
    assert.equal(counters.badProxyHeaders, 3);
    bench.behindProxy(20);
    const late = await bench.connect();
    late.write('PROXY ');
    await ended(late);
    assert.equal(counters.badProxyHeaders, 4);
    assert.equal(bench.taken.length, 0);
    assert.equal(counters.accepted, 0);
    assert.equal(bench.listeners.connections, 0);
  });

  test('of any other peer is passed to the front like all else', async (t) => {
    const bench = new ListenBench(t);
    bench.behindProxy();
    await bench.listeners.arrange([HTTP]);
    const socket = await bench.connect(undefined, '127.0.0.1', '127.0.0.3');
    socket.write(headers[0]);
    await bench.until(() => bench.taken[0]?.bytes === headers[0].toString('latin1'));
    assert.equal(bench.taken[0].client.address, '127.0.0.3');
  });
});
