/** A front for HTTP/2 on loopback, backends behind it, and clients. */
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
} from 'node:http2';
import { type AddressInfo, connect, createServer, type Server as SocketServer, type Socket } from 'node:net';
import type { Exchange } from '../../../../src/live/mesh/exchange.js';
import { HttpFront } from '../../../../src/live/mesh/http1/http-front.js';
import { UpstreamPool } from '../../../../src/live/mesh/http1/upstream-pool.js';
import { BackendSessions } from '../../../../src/live/mesh/http2/backend-sessions.js';
import { Http2Front } from '../../../../src/live/mesh/http2/http2-front.js';
import type { MeshContext } from '../../../../src/live/mesh/mesh-context.js';
import { LiveRoute } from '../../../../src/live/mesh/routing/live-route.js';
import { Target } from '../../../../src/live/mesh/routing/target.js';
import { FORWARDED } from '../../../../src/mesh/http1/index.js';
import { type Route, RouteTable } from '../../../../src/mesh/index.js';
import { route } from '../http1/mesh-bench.js';

const CLIENT = { address: '127.0.0.1', port: 40_000, localAddress: '127.0.0.1', localPort: 80, isTrusted: false };

/** A response. */
export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly interim: readonly IncomingHttpHeaders[];
  /** How the stream ended: 0 if well. */
  readonly code: number;
}

/** A front whose only host is `a.example.org`. */
export class Http2Bench {
  /** Changes of its route, before the first request. */
  readonly route: Partial<Route>;
  readonly exchanges: Exchange[] = [];
  readonly targets: Target[] = [];
  readonly timeouts = { head: 10_000, idle: 60_000, connect: 2000, response: 60_000, tunnel: 3_600_000 };
  /** Added to the clock, in milliseconds. */
  later = 0;
  /** The sockets of clients, as the front has them. */
  readonly sockets: Socket[] = [];
  readonly pool: UpstreamPool;
  readonly sessions: BackendSessions;
  readonly front: Http2Front;
  readonly context: MeshContext;
  readonly #server: SocketServer;
  readonly #closing: (() => void)[] = [];

  private constructor(changes: Partial<Route>) {
    this.route = changes;
    const clock = (): number => performance.now() + this.later;
    const open = ({ host, port }: Target): Socket => connect({ host, port, noDelay: true });
    this.pool = new UpstreamPool(clock);
    this.sessions = new BackendSessions(open, clock, this.pool.deadlines, () => this.timeouts);
    const own = { ...route('a.example.org'), ...changes };
    const table = new RouteTable([own]);
    const live = new LiveRoute(own);
    this.context = {
      pool: this.pool,
      sessions: this.sessions,
      clock,
      timeouts: this.timeouts,
      pseudonym: 'vtep',
      knownHosts: undefined,
      soleRoute: () => undefined,
      findRoute: (host, path) => {
        live.backends.set(this.targets);
        return table.find(host, path) === undefined ? undefined : live;
      },
      findSni: () => undefined,
      addedFor: ({ address }, host) => ({
        lines: `X-Forwarded-For: ${address}\r\nX-Forwarded-Host: ${host}\r\nVia: 2.0 vtep\r\n`,
        dropped: FORWARDED,
      }),
      openSocket: open,
      beginningFor: () => undefined,
      beginHttp2: (socket, bytes, client) => this.front.begin(socket, bytes, client),
      finished: (exchange) => this.exchanges.push({ ...exchange }),
    };
    this.front = new Http2Front(this.context, this.sessions);
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.sockets.push(socket);
      socket.on('error', () => undefined);
      // It hands over connections of HTTP/2.
      new HttpFront(socket, this.context, CLIENT);
    });
  }

  static async start(changes: Partial<Route> = {}): Promise<Http2Bench> {
    const bench = new Http2Bench(changes);
    bench.#server.listen(0, '127.0.0.1');
    await once(bench.#server, 'listening');
    return bench;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Another backend: a server of Node for HTTP/1. */
  async http(listener: RequestListener): Promise<Server> {
    const server = createHttpServer({ keepAliveTimeout: 60_000 }, listener);
    this.#closing.push(() => server.closeAllConnections());
    await this.#serve(server);
    return server;
  }

  /** Another backend: a server of Node for HTTP/2. */
  async http2(options = {}): Promise<Http2Server> {
    const server = createHttp2Server(options);
    const sessions = new Set<ServerHttp2Session>();
    server.on('session', (session) => sessions.add(session));
    server.on('sessionError', () => undefined);
    server.on('stream', (stream) => stream.on('error', () => undefined));
    this.#closing.push(() => {
      for (const session of sessions) session.destroy();
    });
    await this.#serve(server);
    return server;
  }

  /** Another backend: a function answers, connection by connection. */
  async raw(serve: (socket: Socket) => void): Promise<void> {
    await this.#serve(
      createServer((socket) => {
        socket.on('error', () => undefined);
        this.#closing.push(() => socket.destroy());
        serve(socket);
      }),
    );
  }

  /** Another backend: nobody listens. */
  unreachable(): Target {
    const target = new Target('127.0.0.1', 1, 'nobody', '9');
    this.targets.push(target);
    return target;
  }

  /** A client that keeps to the rules. */
  client(): ClientHttp2Session {
    const session = connectHttp2(`http://127.0.0.1:${this.port}`);
    session.on('error', () => undefined);
    this.#closing.push(() => session.destroy());
    return session;
  }

  /** A client that may break them. */
  async socket(): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: this.port });
    socket.on('error', () => undefined);
    this.#closing.push(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  close(): void {
    for (const close of this.#closing) close();
    this.front.close();
    this.sessions.close();
    this.pool.close();
    this.#server.close();
  }

  async #serve(server: SocketServer | Server | Http2Server): Promise<void> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#closing.push(() => server.close());
    const number = this.targets.length + 1;
    this.targets.push(new Target('127.0.0.1', (server.address() as AddressInfo).port, `web.${number}`, `${number}`));
  }
}

/** Begins a request. */
export function ask(client: ClientHttp2Session, fields: OutgoingHttpHeaders = {}, options = {}): ClientHttp2Stream {
  const stream = client.request({ ':path': '/', ':authority': 'a.example.org', ...fields }, options);
  stream.on('error', () => undefined);
  return stream;
}

/** Waits for a response, to its end. */
export async function got(stream: ClientHttp2Stream): Promise<Got> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  const interim: IncomingHttpHeaders[] = [];
  let body = '';
  stream.on('headers', (fields) => interim.push(fields));
  stream.on('response', (fields) => (headers = fields));
  stream.on('trailers', (fields) => (trailers = fields));
  stream.on('data', (bytes: Buffer) => (body += bytes.toString('latin1')));
  await new Promise<void>((resolve) => {
    stream.on('close', resolve);
  });
  return { status: Number(headers[':status']), headers, body, trailers, interim, code: stream.rstCode ?? -1 };
}

/** Sends a request, and waits for its response. */
export async function fetched(
  client: ClientHttp2Session,
  fields: OutgoingHttpHeaders = {},
  body?: string,
): Promise<Got> {
  const stream = ask(client, fields, body === undefined ? {} : { endStream: false });
  if (body !== undefined) stream.end(body);
  return got(stream);
}
