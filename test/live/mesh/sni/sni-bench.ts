/** Listeners of a mesh on loopback that pass TLS by server name, backends behind them, and clients. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Exchange } from '../../../../src/live/mesh/exchange.js';
import { BackendSessions } from '../../../../src/live/mesh/http2/backend-sessions.js';
import { UpstreamPool } from '../../../../src/live/mesh/http1/upstream-pool.js';
import { ListenKind } from '../../../../src/live/mesh/listen/listening.js';
import { MeshListeners } from '../../../../src/live/mesh/listen/mesh-listeners.js';
import type { MeshContext } from '../../../../src/live/mesh/mesh-context.js';
import { LiveRoute } from '../../../../src/live/mesh/routing/live-route.js';
import { Target } from '../../../../src/live/mesh/routing/target.js';
import { SniFront } from '../../../../src/live/mesh/sni/sni-front.js';
import { type Route, RouteKind, RouteTable } from '../../../../src/mesh/index.js';
import { FakeCa } from '../../../join/fake-ca.js';
import { route } from '../http1/mesh-bench.js';

/** A certificate for all names of the tests. */
export const CA = new FakeCa('a test');
export const CERTIFIED = CA.certify({ commonName: 'a', names: ['a.example.org', '*.b.example.org'] });

const MINUTE = 60_000;

/** A bench. */
export class SniBench {
  readonly fronts: SniFront[] = [];
  readonly exchanges: Exchange[] = [];
  /** Sockets to backends. */
  readonly upstreams: Socket[] = [];
  timeouts = { head: MINUTE, idle: MINUTE, connect: MINUTE, response: MINUTE, tunnel: MINUTE };
  beginning: Uint8Array | undefined;
  readonly #routes = new Map<Route, LiveRoute>();
  readonly #closing: (() => void)[] = [];
  readonly #listeners: MeshListeners;
  #table = new RouteTable([]);
  #finished: (() => void) | undefined;

  private constructor() {
    const missing = (): never => {
      throw new Error('connections of TLS have no requests');
    };
    const pool = new UpstreamPool(() => performance.now());
    const context: MeshContext = {
      pool,
      sessions: new BackendSessions(missing, () => performance.now(), pool.deadlines, missing),
      clock: () => performance.now(),
      timeouts: this.timeouts,
      pseudonym: 'vtep',
      knownHosts: undefined,
      soleRoute: missing,
      findRoute: missing,
      findSni: (name) => {
        const found = this.#table.findSni(name);
        return found === undefined ? undefined : this.#routes.get(found);
      },
      addedFor: missing,
      openSocket: (target) => this.#open(target),
      beginningFor: () => this.beginning,
      beginHttp2: missing,
      finished: (exchange) => {
        this.exchanges.push(exchange);
        this.#finished?.();
      },
    };
    this.#listeners = new MeshListeners({
      http: missing,
      tls: (socket, client, first) => this.fronts.push(new SniFront(socket, context, client, first)),
      trouble: (_cause, what) => {
        if (what !== undefined) throw new Error(what);
      },
    });
  }

  static async start(t: TestContext): Promise<SniBench> {
    const bench = new SniBench();
    t.after(() => bench.#close());
    await bench.#listeners.arrange([{ address: '127.0.0.1', port: 0, kind: ListenKind.Tls }]);
    return bench;
  }

  get port(): number {
    return this.#listeners.open[0].port;
  }

  get connections(): number {
    return this.#listeners.connections;
  }

  /** Has a name lead to some targets. */
  lead(name: string, ...targets: Target[]): void {
    const added: Route = { ...route(name), kind: RouteKind.Sni };
    const live = new LiveRoute(added);
    live.backends.set(targets);
    this.#routes.set(added, live);
    this.#table = new RouteTable(this.#routes.keys());
  }

  /** Has a server be a backend. */
  async serve(server: Server): Promise<Target> {
    server.on('connection', (socket: Socket) => {
      socket.on('error', () => undefined);
      this.#closing.push(() => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#closing.push(() => server.close());
    return new Target('127.0.0.1', (server.address() as AddressInfo).port);
  }

  /** A backend without TLS. */
  sockets(serve: (socket: Socket) => void): Promise<Target> {
    return this.serve(createServer({ allowHalfOpen: true }, serve));
  }

  /** An address where nobody listens. */
  async unreachable(): Promise<Target> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return new Target('127.0.0.1', port);
  }

  /** A target to which a connection never stands. */
  readonly silent = new Target('192.0.2.1', 443);

  /** A client that trusts the bench's CA. @param over what it writes to instead of a socket of its own */
  async client(options: ConnectionOptions): Promise<TLSSocket> {
    const client = connectTls({ host: '127.0.0.1', port: this.port, ca: CA.pem, ...options });
    this.#closing.push(() => client.destroy());
    await once(client, 'secureConnect');
    client.on('error', () => undefined);
    return client;
  }

  /** A connection without TLS, and what comes on it. */
  async raw(): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port: this.port, allowHalfOpen: true });
    this.#closing.push(() => socket.destroy());
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Waits until so many connections are over. @returns the last one */
  async finished(count = 1): Promise<Exchange> {
    while (this.exchanges.length < count) await new Promise<void>((resolve) => (this.#finished = resolve));
    return this.exchanges[count - 1];
  }

  #open(target: Target): Socket {
    const socket = target === this.silent ? new Socket() : connect({ host: target.host, port: target.port });
    this.upstreams.push(socket);
    return socket;
  }

  #close(): void {
    for (const close of this.#closing) close();
    this.#listeners.close();
  }
}

/** A connection and what came on it. */
export class RawClient {
  readonly socket: Socket;
  bytes = Buffer.alloc(0);
  /** Code of the error with which it ended. */
  error: string | undefined;
  readonly #closed: Promise<void>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => (this.bytes = Buffer.concat([this.bytes, bytes])));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => (this.error = code));
    socket.on('end', () => socket.end());
    this.#closed = new Promise((resolve) => socket.on('close', () => resolve()));
  }

  /** Waits for the end, and gives what came before. */
  async ends(): Promise<Buffer> {
    await this.#closed;
    return this.bytes;
  }
}
