/** The proxy for published ports, over loopback. */
import assert from 'node:assert/strict';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PortProxy, type PortProxyOptions, type ProxyRoute } from '../../../src/live/ports/port-proxy.js';
import { loopback, PATIENCE } from './loopback-ports.js';

const LOCAL = '127.0.0.1';

describe('the proxy for published ports', () => {
  const closing: (() => void)[] = [];
  after(() => {
    for (const close of closing) close();
  });

  function proxyOf(options: Partial<PortProxyOptions> = {}): { proxy: PortProxy; troubles: string[] } {
    const troubles: string[] = [];
    const proxy = new PortProxy({ onTrouble: (what) => troubles.push(what), ...options });
    closing.push(() => proxy.close());
    return { proxy, troubles };
  }

  /** A server on a free port. */
  async function serverOf(handle: (socket: Socket) => void): Promise<number> {
    const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      closing.push(() => socket.destroy());
      handle(socket);
    });
    server.listen(0, LOCAL);
    await once(server, 'listening');
    closing.push(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  async function clientOf(port: number): Promise<Socket> {
    const socket = connect({ host: LOCAL, port, allowHalfOpen: true });
    closing.push(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  async function datagramsOf(
    handle?: (socket: DatagramSocket, text: string, port: number) => void,
  ): Promise<DatagramSocket> {
    const socket = createSocket('udp4');
    closing.push(() => socket.close());
    if (handle !== undefined) socket.on('message', (data, { port }) => handle(socket, data.toString(), port));
    socket.bind(0, LOCAL);
    await once(socket, 'listening');
    return socket;
  }

  async function read(socket: Socket): Promise<string> {
    let text = '';
    socket.on('data', (data: Buffer) => (text += data.toString()));
    await once(socket, 'end', { signal: AbortSignal.timeout(PATIENCE) });
    return text;
  }

  /** The code of the error that ends a socket. */
  async function failureOf(socket: Socket): Promise<string | undefined> {
    const [error] = (await once(socket, 'error', { signal: AbortSignal.timeout(PATIENCE) })) as [NodeJS.ErrnoException];
    return error.code;
  }

  async function until(condition: () => boolean): Promise<void> {
    const end = performance.now() + PATIENCE;
    while (!condition()) {
      assert.ok(performance.now() < end, 'it took too long');
      await sleep(5);
    }
  }

  function tcp(port: number, toPort: number): ProxyRoute {
    return { protocol: 'tcp', host: LOCAL, port, to: LOCAL, toPort };
  }

  function udp(port: number, toPort: number): ProxyRoute {
    return { protocol: 'udp', host: LOCAL, port, to: LOCAL, toPort };
  }

  test('TCP data crosses both ways, and the end of one direction leaves the other open', async () => {
    const target = await serverOf((socket) => {
      void read(socket).then((text) => socket.end(`${text.length} bytes`));
    });
    const port = await loopback();
    const { proxy, troubles } = proxyOf();
    await proxy.set([tcp(port, target)]);
    const client = await clientOf(port);
    client.end('x'.repeat(3_000_000));
    assert.equal(await read(client), '3000000 bytes');
    await until(() => proxy.counters.open === 0);
    assert.deepEqual([proxy.counters.accepted, proxy.counters.unreachable, troubles], [1, 0, []]);
  });

  test('a target that reads nothing stops the client', async () => {
    const sockets: Socket[] = [];
    const target = await serverOf((socket) => void sockets.push(socket.pause()));
    const port = await loopback();
    const { proxy } = proxyOf();
    await proxy.set([tcp(port, target)]);
    const client = await clientOf(port);
    const total = 64 * 2 ** 20;
    client.write(Buffer.alloc(total));
    const taken = (): number => total - client.writableLength;
    // Until nothing more is taken.
    let before = -1;
    while (before !== taken()) {
      before = taken();
      await sleep(200);
    }
    assert.ok(taken() < total / 2, `${taken()} bytes were taken`);
    // Once it reads, the rest arrives.
    let arrived = 0;
    sockets[0].on('data', (data: Buffer) => (arrived += data.length));
    sockets[0].resume();
    await until(() => arrived === total);
  });

  test('a reset on one side resets the other', async () => {
    const sockets: Socket[] = [];
    const target = await serverOf((socket) => void sockets.push(socket));
    const port = await loopback();
    const { proxy } = proxyOf();
    await proxy.set([tcp(port, target)]);
    const first = await clientOf(port);
    await until(() => sockets.length === 1);
    sockets[0].resetAndDestroy();
    assert.equal(await failureOf(first), 'ECONNRESET');
    const second = await clientOf(port);
    await until(() => sockets.length === 2);
    second.resetAndDestroy();
    assert.equal(await failureOf(sockets[1]), 'ECONNRESET');
  });

  test('a target that refuses resets the client, and is counted', async () => {
    const port = await loopback();
    const { proxy } = proxyOf();
    await proxy.set([tcp(port, await loopback())]);
    assert.equal(await failureOf(await clientOf(port)), 'ECONNRESET');
    assert.deepEqual([proxy.counters.unreachable, proxy.counters.accepted], [1, 1]);
  });

  test('connections above the limit are reset', async () => {
    const target = await serverOf((socket) => socket.pipe(socket));
    const port = await loopback();
    const { proxy } = proxyOf({ maxConnections: 1 });
    await proxy.set([tcp(port, target)]);
    await clientOf(port);
    await until(() => proxy.counters.open === 1);
    assert.equal(await failureOf(await clientOf(port)), 'ECONNRESET');
    assert.equal(proxy.counters.open, 1);
    assert.equal(proxy.counters.refused, 1);
  });

  test('idle connections are reset', async () => {
    const target = await serverOf((socket) => socket.pipe(socket));
    const port = await loopback();
    const { proxy } = proxyOf({ tcpIdle: 0.3 });
    await proxy.set([tcp(port, target)]);
    assert.equal(await failureOf(await clientOf(port)), 'ECONNRESET');
    await until(() => proxy.counters.open === 0);
    assert.equal(proxy.counters.refused, 0);
  });

  test('a port that another program uses is reported, and the others are served', async () => {
    const target = await serverOf((socket) => socket.end('here'));
    const taken = await serverOf((socket) => socket.end('taken'));
    const port = await loopback();
    const { proxy, troubles } = proxyOf();
    // It is tried again with each set of routes, and reported once.
    for (let i = 0; i < 3; i++) await proxy.set([tcp(taken, target), tcp(port, target)]);
    assert.deepEqual(troubles, [
      `can't serve TCP port ${taken}: another program uses it; stop that program, or publish another port`,
    ]);
    assert.equal(await read(await clientOf(port)), 'here');
  });

  test('routes change: connections stay where the port stays, and end where it is gone', async () => {
    const echo = await serverOf((socket) => socket.pipe(socket));
    const other = await serverOf((socket) => socket.end('other'));
    const [one, two] = [await loopback(), await loopback()];
    const { proxy, troubles } = proxyOf();
    await proxy.set([tcp(one, echo), tcp(two, echo)]);
    const [staying, ending] = [await clientOf(one), await clientOf(two)];
    await until(() => proxy.counters.open === 2);
    const ended = failureOf(ending);
    await proxy.set([tcp(one, other)]);
    assert.equal(await ended, 'ECONNRESET');
    staying.write('still');
    const [data] = (await once(staying, 'data')) as [Buffer];
    assert.equal(data.toString(), 'still');
    assert.equal(await read(await clientOf(one)), 'other');
    const refused = connect({ host: LOCAL, port: two });
    assert.equal(await failureOf(refused), 'ECONNREFUSED');
    assert.deepEqual(troubles, []);
  });

  test('each UDP client gets its own answers', async () => {
    const target = await datagramsOf((socket, text, port) => socket.send(`${text} back`, port, LOCAL));
    const port = await loopback();
    const { proxy } = proxyOf();
    await proxy.set([udp(port, target.address().port)]);
    const clients = await Promise.all([datagramsOf(), datagramsOf()]);
    for (let round = 0; round < 3; round++) {
      for (const [i, client] of clients.entries()) {
        client.send(`${i}.${round}`, port, LOCAL);
        const [answer] = (await once(client, 'message', { signal: AbortSignal.timeout(PATIENCE) })) as [Buffer];
        assert.equal(answer.toString(), `${i}.${round} back`);
      }
    }
    await until(() => proxy.counters.datagramsOut === 6);
    const { clients: open, datagramsIn, datagramsLost } = proxy.counters;
    assert.deepEqual([open, datagramsIn, datagramsLost], [2, 6, 0]);
  });

  test('UDP clients that are idle or too many are forgotten', async () => {
    const seen: number[] = [];
    const target = await datagramsOf((_, __, from) => seen.push(from));
    const port = await loopback();
    const { proxy } = proxyOf({ maxClients: 1, udpIdle: 0.3 });
    await proxy.set([udp(port, target.address().port)]);
    for (const client of await Promise.all([datagramsOf(), datagramsOf(), datagramsOf()])) {
      const before = seen.length;
      client.send('x', port, LOCAL);
      await until(() => seen.length > before);
    }
    assert.deepEqual([new Set(seen).size, proxy.counters.replaced], [3, 2]);
    await until(() => proxy.counters.clients === 0);
  });

  test('a UDP target that is absent for a while is reached once it is there', async () => {
    const port = await loopback();
    // Not one that the system gives to others meanwhile (net.ipv4.ip_local_port_range).
    const absent = 20_000 + (process.pid % 10_000);
    const { proxy, troubles } = proxyOf();
    await proxy.set([udp(port, absent)]);
    const client = await datagramsOf();
    client.send('lost', port, LOCAL);
    await until(() => proxy.counters.datagramsIn === 1);
    const target = createSocket('udp4');
    closing.push(() => target.close());
    target.bind(absent, LOCAL);
    await once(target, 'listening');
    const arrived = once(target, 'message', { signal: AbortSignal.timeout(PATIENCE) });
    // The first one after the ICMP error may be lost with it.
    const again = setInterval(() => client.send('here', port, LOCAL), 20);
    await arrived.finally(() => clearInterval(again));
    assert.deepEqual(troubles, []);
  });

  test('invalid addresses and ports are errors, and a closed proxy takes no routes', async () => {
    const { proxy, troubles } = proxyOf();
    await assert.rejects(proxy.set([tcp(0, 80)]), { code: 'BAD_NODE' });
    await assert.rejects(proxy.set([tcp(80, 65_536)]), { code: 'BAD_NODE' });
    await assert.rejects(proxy.set([{ ...tcp(80, 80), to: 'my-web' }]), { code: 'BAD_ADDRESS' });
    proxy.close();
    await proxy.set([tcp(1, 1)]);
    assert.deepEqual(troubles, []);
  });
});
