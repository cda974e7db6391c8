/** What the connections of a mesh share: routes as they are now, settings, and where counts and log lines go. */
import type { Socket, TcpNetConnectOpts } from 'node:net';
import type { AddedFields, Received } from '../../mesh/index.js';
import type { Client } from './client.js';
import type { Exchange } from './exchange.js';
import type { UpstreamPool } from './http1/upstream-pool.js';
import type { BackendSessions } from './http2/backend-sessions.js';
import type { LiveRoute } from './routing/live-route.js';
import type { Target } from './routing/target.js';

/** Times in milliseconds. */
export interface FrontTimeouts {
  readonly head: number;
  readonly idle: number;
  readonly connect: number;
  readonly response: number;
  readonly tunnel: number;
}

/** The mesh, as connections see it. It outlives changes of its routes and settings. */
export interface MeshContext {
  readonly pool: UpstreamPool;
  /** Connections to backends that speak HTTP/2. */
  readonly sessions: BackendSessions;
  /** Monotonic clock in milliseconds, as of the latest turn of the event loop or a little before. */
  readonly clock: () => number;
  readonly timeouts: FrontTimeouts;
  /** The pseudonym in Via, by which a loop is noticed. */
  readonly pseudonym: string;
  /** The route of a host that has one alone, for all paths; otherwise by path. */
  soleRoute(host: string): LiveRoute | undefined;
  /**
   * @param host in lower case, without port
   * @param path without query
   */
  findRoute(host: string, path: string): LiveRoute | undefined;
  /** @param name the server name of a connection of TLS, in lower case */
  findSni(name: string): LiveRoute | undefined;
  /**
   * The lines that requests of a client to a host get, and which of its own it doesn't keep.
   * @param received version, port of the host, and what a trusted peer claims, where they matter. @default HTTP/1.1
   */
  addedFor(client: Client, host: string, received?: Received): AddedFields;
  /** The hosts that there are, if unknown ones may be told; undefined otherwise. */
  readonly knownHosts: readonly string[] | undefined;
  /**
   * A socket that is connecting to a backend, in the mesh's network namespace. It emits `error` and `close` if it can't.
   * The target learns how it ends.
   * @param options of `net.connect`, besides host and port. @default `noDelay`
   */
  openSocket(target: Target, options?: Partial<TcpNetConnectOpts>): Socket;
  /** Bytes that a connection to a backend begins with: a PROXY protocol header, or none. */
  beginningFor(client: Client): Uint8Array | undefined;
  /** Takes over a connection whose client speaks HTTP/2: `bytes` are what it has sent. No listeners are left on it. */
  beginHttp2(socket: Socket, bytes: Buffer, client: Client): void;
  /** Counts a request or a connection that is over, and logs it. It isn't kept. */
  finished(exchange: Exchange): void;
}
