/** A front of a mesh on loopback, backends behind it, and clients that say exactly what they are told to. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createSocketServer,
  type Server as SocketServer,
  type Socket,
} from 'node:net';
import { HttpFront } from '../../../../src/live/mesh/http1/http-front.js';
import type { Exchange } from '../../../../src/live/mesh/exchange.js';
import type { FrontTimeouts, MeshContext } from '../../../../src/live/mesh/mesh-context.js';
import { BackendSessions } from '../../../../src/live/mesh/http2/backend-sessions.js';
import { LiveRoute } from '../../../../src/live/mesh/routing/live-route.js';
import { Target } from '../../../../src/live/mesh/routing/target.js';
import { UpstreamPool } from '../../../../src/live/mesh/http1/upstream-pool.js';
import { FORWARDED } from '../../../../src/mesh/http1/index.js';
import { BackendMode, type Route, RouteKind } from '../../../../src/mesh/routes/route.js';
import { RouteTable } from '../../../../src/mesh/routes/route-table.js';

/** A route of a host to any service. */
export function route(host: string, more: Partial<Route> = {}): Route {
  return {
    kind: RouteKind.Http,
    host,
    path: '',
    isExact: false,
    rewrite: undefined,
    service: 'web',
    port: 80,
    network: undefined,
    mode: BackendMode.Task,
    isHttp2: false,
    sticky: undefined,
    redirect: undefined,
    priority: 0,
    source: 'a test',
    ...more,
  };
}

const CLIENT = { address: '127.0.0.1', port: 40_000, localAddress: '127.0.0.1', localPort: 80, isTrusted: false };

/** What a bench differs in. */
export interface BenchSettings {
  /** Of `a.example.org` unless they say otherwise. */
  readonly routes?: readonly Route[];
  readonly timeouts?: Partial<FrontTimeouts>;
  readonly knownHosts?: readonly string[];
  /** How many bytes sockets of the front hold back before they ask for patience. */
  readonly highWaterMark?: number;
  /** What connections to backends begin with. */
  readonly beginning?: string;
}

/** A front whose only host is `a.example.org`, if it isn't told otherwise. */
export class MeshBench {
  readonly pool: UpstreamPool;
  readonly fronts: HttpFront[] = [];
  /** Requests that are over. */
  readonly exchanges: Exchange[] = [];
  /** What went to those who read HTTP/2. */
  readonly http2: { socket: Socket; text: string }[] = [];
  /** The backends of all routes, in the order in which they were started. */
  readonly targets: Target[] = [];
  readonly #server: SocketServer;
  readonly #closing: (() => void)[] = [];

  private constructor(settings: BenchSettings) {
    const { highWaterMark } = settings;
    this.pool = new UpstreamPool(
      () => performance.now(),
      (options) => connect({ ...options, ...(highWaterMark === undefined ? {} : { highWaterMark }) }),
    );
    const table = new RouteTable(settings.routes ?? [route('a.example.org')]);
    const live = new Map([...table].map((one) => [one, new LiveRoute(one)]));
    for (const { backends } of live.values()) backends.set(this.targets);
    const context: MeshContext = {
      pool: this.pool,
      sessions: new BackendSessions(
        ({ host, port }) => connect({ host, port }),
        () => performance.now(),
        this.pool.deadlines,
        () => context.timeouts,
      ),
      clock: () => performance.now(),
      timeouts: {
        head: 10_000,
        idle: 60_000,
        connect: 2000,
        response: 60_000,
        tunnel: 3_600_000,
        ...settings.timeouts,
      },
      pseudonym: 'vtep',
      knownHosts: settings.knownHosts,
      soleRoute: () => undefined,
      findRoute: (host, path) => {
        const found = table.find(host, path);
        return found === undefined ? undefined : live.get(found);
      },
      findSni: () => undefined,
      addedFor: ({ address }, host) => ({
        lines: `X-Forwarded-For: ${address}\r\nX-Forwarded-Host: ${host}\r\nVia: 1.1 vtep\r\n`,
        dropped: FORWARDED,
      }),
      beginningFor: () => (settings.beginning === undefined ? undefined : Buffer.from(settings.beginning)),
      openSocket: ({ host, port }) => connect({ host, port, noDelay: true }),
      beginHttp2: (socket, bytes) => this.http2.push({ socket, text: bytes.toString() }),
      finished: (exchange) => {
        const { method, host, path, protocol, status, bytesIn, bytesOut, attempts, failure, ...more } = exchange;
        this.exchanges.push({ method, host, path, protocol, status, bytesIn, bytesOut, attempts, failure, ...more });
      },
    };
    this.#server = createSocketServer({ allowHalfOpen: true, noDelay: true, highWaterMark }, (socket) => {
      this.fronts.push(new HttpFront(socket, context, CLIENT));
    });
  }

  static async start(settings: BenchSettings = {}): Promise<MeshBench> {
    const bench = new MeshBench(settings);
    bench.#server.listen(0, '127.0.0.1');
    await once(bench.#server, 'listening');
    return bench;
  }

  /** Has a server of Node answer. */
  async http(listener: RequestListener): Promise<Server> {
    const server = createServer({ keepAliveTimeout: 60_000 }, listener);
    await this.#serve(server);
    this.#closing.push(() => server.closeAllConnections());
    return server;
  }

  /** Has a function answer, connection by connection. */
  async sockets(serve: (socket: Socket) => void, cookie?: string): Promise<void> {
    const server = createSocketServer((socket) => {
      socket.on('error', () => undefined);
      this.#closing.push(() => socket.destroy());
      serve(socket);
    });
    await this.#serve(server, cookie);
  }

  /** No backend listens. */
  unreachable(host = '127.0.0.1'): void {
    this.targets.push(new Target(host, 1));
  }

  /** Waits until something is so. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  /** A client. */
  async client(): Promise<Client> {
    const { port } = this.#server.address() as AddressInfo;
    const client = new Client(connect({ host: '127.0.0.1', port, allowHalfOpen: true }));
    this.#closing.push(() => client.socket.destroy());
    await once(client.socket, 'connect');
    return client;
  }

  close(): void {
    for (const close of this.#closing) close();
    this.pool.close();
    for (const { socket } of this.fronts) socket.destroy();
    for (const { socket } of this.http2) socket.destroy();
    this.#server.close();
  }

  async #serve(server: SocketServer, cookie = ''): Promise<void> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#closing.push(() => server.close());
    this.targets.push(new Target('127.0.0.1', (server.address() as AddressInfo).port, '', cookie));
  }
}

/** A connection to the front. */
export class Client {
  readonly socket: Socket;
  /** What came. */
  text = '';
  hasEnded = false;
  error: Error | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => (this.text += text));
    socket.on('end', () => (this.hasEnded = true));
    socket.on('close', () => (this.hasEnded = true));
    socket.on('error', (error) => (this.error = error));
  }

  /** Sends lines of a head, and content. */
  send(lines: readonly string[], content = ''): void {
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n${content}`, 'latin1');
  }

  /** Waits until what came matches, and takes it. */
  async gets(pattern: RegExp): Promise<string> {
    await this.#until(() => pattern.test(this.text));
    const { text } = this;
    this.text = '';
    return text;
  }

  async ends(): Promise<void> {
    await this.#until(() => this.hasEnded);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.socket.destroyed) throw new Error(`the connection is closed: ${JSON.stringify(this.text)}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}
