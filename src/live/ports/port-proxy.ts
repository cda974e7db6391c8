/**
 * Published ports without nftables: connections and datagrams to a port of the host are carried to a service in user
 * space, by a thread with its own event loop.
 */
import { Worker } from 'node:worker_threads';
import { parseIpv4 } from '../../wire/index.js';
import { LiveError } from '../error.js';

/** A port of this host, and where it leads. */
export interface ProxyRoute {
  readonly protocol: 'tcp' | 'udp';
  /**
   * IPv4 address to listen on.
   * @default '0.0.0.0'
   */
  readonly host?: string;
  readonly port: number;
  /** Target IPv4 address and port: the ingress load balancer and the same port, or a task and its target port. */
  readonly to: string;
  readonly toPort: number;
}

/** Options of a proxy. */
export interface PortProxyOptions {
  /** Called once with one line for people if a port can't be served, and if the thread ends before `close`. */
  readonly onTrouble: (what: string) => void;
  /**
   * Maximum number of open TCP connections; further ones are reset.
   * @default 1024
   */
  readonly maxConnections?: number;
  /**
   * Maximum number of UDP clients; a further one replaces the one that was idle for longest.
   * @default 1024
   */
  readonly maxClients?: number;
  /**
   * Timeout of idle TCP connections in seconds.
   * @default 900, IPVS's
   */
  readonly tcpIdle?: number;
  /**
   * Timeout of idle UDP clients in seconds.
   * @default 90, that of Docker's own proxy
   */
  readonly udpIdle?: number;
}

/** What a proxy has carried. */
export interface ProxyCounters {
  /** TCP connections accepted, open now, reset at the limit, and those whose target couldn't be reached. */
  readonly accepted: number;
  readonly open: number;
  readonly refused: number;
  readonly unreachable: number;
  /** UDP clients now, and those that others replaced. */
  readonly clients: number;
  readonly replaced: number;
  /** Datagrams from clients, to clients, and those that couldn't be sent. */
  readonly datagramsIn: number;
  readonly datagramsOut: number;
  readonly datagramsLost: number;
}

/**
 * Columns of the counters that the thread shares.
 * @internal
 */
export const PROXY_COLUMNS = [
  'accepted',
  'open',
  'refused',
  'unreachable',
  'clients',
  'replaced',
  'datagramsIn',
  'datagramsOut',
  'datagramsLost',
] as const satisfies readonly (keyof ProxyCounters)[];

/**
 * Options of the thread.
 * @internal
 */
export interface ProxyLimits {
  readonly maxConnections: number;
  readonly maxClients: number;
  /** Milliseconds. */
  readonly tcpIdle: number;
  readonly udpIdle: number;
  readonly counters: SharedArrayBuffer;
}

/**
 * All routes from now on.
 * @internal
 */
export interface ProxyOrder {
  readonly id: number;
  readonly routes: readonly ProxyRoute[];
}

/**
 * A message from the thread: an order is done, or something is wrong.
 * @internal
 */
export type ProxyMessage =
  { readonly kind: 'done'; readonly id: number } | { readonly kind: 'trouble'; readonly what: string };

const THREAD = new URL('./proxy-thread.js', import.meta.url);
const DEFAULT_CONNECTIONS = 1024;
const DEFAULT_CLIENTS = 1024;
const DEFAULT_TCP_IDLE = 900;
const DEFAULT_UDP_IDLE = 90;
const SECOND = 1000;
/** Heap limit of the thread in MiB; what is in transit is outside of the heap. */
const MEMORY = 128;

const MAX_PORT = 65_535;

function checkRoute({ protocol, host, port, to, toPort }: ProxyRoute): void {
  for (const number of [port, toPort]) {
    if (Number.isInteger(number) && number >= 1 && number <= MAX_PORT) continue;
    throw new LiveError('BAD_NODE', `${number}/${protocol} is not a port: ports are 1 to ${MAX_PORT}`);
  }
  parseIpv4(to);
  if (host !== undefined) parseIpv4(host);
}

/**
 * A proxy for published ports. Services see this host as the client, as the client's address can't be kept. SCTP can't be
 * proxied. A UDP answer leaves from the address that the host's routes choose, which on a host with several addresses may
 * not be the one that the client asked.
 *
 * TCP data is held back until the other side takes it, and the end of one direction leaves the other open. A connection
 * is accepted before its target is; if the target can't be reached, it is reset.
 *
 * @example
 * ```ts
 * import { PortProxy } from 'vtep/live';
 *
 * const proxy = new PortProxy({ onTrouble: console.error });
 * await proxy.set([{ protocol: 'tcp', port: 8080, to: '172.18.0.2', toPort: 8080 }]);
 * proxy.close();
 * ```
 */
export class PortProxy {
  readonly #thread: Worker;
  readonly #counters: Float64Array;
  readonly #done = new Map<number, () => void>();
  #orders = 0;
  #isClosed = false;

  constructor(options: PortProxyOptions) {
    const { onTrouble, maxConnections = DEFAULT_CONNECTIONS, maxClients = DEFAULT_CLIENTS } = options;
    const { tcpIdle = DEFAULT_TCP_IDLE, udpIdle = DEFAULT_UDP_IDLE } = options;
    const counters = new SharedArrayBuffer(PROXY_COLUMNS.length * Float64Array.BYTES_PER_ELEMENT);
    this.#counters = new Float64Array(counters);
    const limits: ProxyLimits = {
      maxConnections,
      maxClients,
      tcpIdle: tcpIdle * SECOND,
      udpIdle: udpIdle * SECOND,
      counters,
    };
    this.#thread = new Worker(THREAD, { workerData: limits, resourceLimits: { maxOldGenerationSizeMb: MEMORY } });
    this.#thread.on('message', (message: ProxyMessage) => {
      if (message.kind === 'trouble') onTrouble(message.what);
      else this.#finish(message.id);
    });
    let reason = 'the thread ended';
    this.#thread.once('error', (error: Error) => (reason = error.message));
    this.#thread.once('exit', () => {
      if (!this.#isClosed) onTrouble(`the proxy for published ports has stopped: ${reason}`);
      this.#isClosed = true;
      for (const id of [...this.#done.keys()]) this.#finish(id);
    });
  }

  /** What it has carried so far. */
  get counters(): ProxyCounters {
    const entries = PROXY_COLUMNS.map((name, column) => [name, this.#counters[column]] as const);
    return Object.fromEntries(entries) as unknown as ProxyCounters;
  }

  /**
   * Replaces the routes. Connections of a port that is no longer served are closed; those of a port that leads elsewhere
   * now stay.
   * @returns resolves when every port is served, or its trouble is reported
   * @throws LiveError `BAD_NODE` for a port out of range; VtepError for an invalid address
   */
  async set(routes: readonly ProxyRoute[]): Promise<void> {
    for (const route of routes) checkRoute(route);
    if (this.#isClosed) return;
    const id = ++this.#orders;
    await new Promise<void>((resolve) => {
      this.#done.set(id, resolve);
      this.#thread.postMessage({ id, routes } satisfies ProxyOrder);
    });
  }

  /** Stops listening and closes all connections. */
  close(): void {
    this.#isClosed = true;
    void this.#thread.terminate();
  }

  #finish(id: number): void {
    this.#done.get(id)?.();
    this.#done.delete(id);
  }
}
