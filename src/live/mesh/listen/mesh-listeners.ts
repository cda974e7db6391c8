/** The listening sockets of a mesh, and how many connections they have. */
import type { Socket } from 'node:net';
import type { ProxiedConnection } from '../../../mesh/index.js';
import type { Client } from '../client.js';
import { proxiedClient, SocketClient } from '../client-of-socket.js';
import { TrustedPeers } from '../client-trust.js';
import { acceptTrouble, listeningText, listenTrouble } from './listen-trouble.js';
import { type ListenCounters, type Listening, ListenKind, type ListenSettings, type TellTrouble } from './listening.js';
import { MeshListener } from './mesh-listener.js';
import { awaitProxyHeader, type ProxyHeaderTaker } from './proxy-header-wait.js';

/** Maximum number of open connections by default. */
export const MAX_CONNECTIONS = 16_384;
/** Milliseconds after which a port that can't be listened on is tried again. */
const RETRY = 3000;
/** Milliseconds between two looks whether connections that count as open are closed. */
const SWEEP = 1000;
const TOO_MANY = 'connections';
/** The trouble with too many connections is over when so much of the maximum is open. */
const RELIEF = 0.9;

/**
 * Takes over a connection, synchronously: what comes next would be lost otherwise.
 * @param first bytes that were read behind a PROXY header
 */
export type TakeConnection = (socket: Socket, client: Client, first: Buffer | undefined) => void;

/** What listeners need from the start. */
export interface MeshListenersOptions {
  /** Takes over connections to ports for HTTP. */
  readonly http: TakeConnection;
  /** Takes over connections to ports for TLS. */
  readonly tls: TakeConnection;
  readonly trouble: TellTrouble;
  /**
   * Maximum number of open connections. More are reset and counted: Node can't leave them in the kernel's backlog, as
   * HAProxy does.
   * @default 16384
   */
  readonly maxConnections?: number;
  /** Milliseconds after which a port that can't be listened on is tried again. @default 3000 */
  readonly retry?: number;
}

/** All of them. They open sockets in the network namespace that the thread is in. */
export class MeshListeners {
  readonly counters: ListenCounters = { accepted: 0, refused: 0, badProxyHeaders: 0 };
  /** Peers that are trusted, which may change while connections are open: those keep what they began with. */
  trusted = new TrustedPeers();
  settings: ListenSettings = { acceptProxy: false, headTimeout: 10_000 };
  readonly #options: MeshListenersOptions;
  readonly #maxConnections: number;
  readonly #listeners = new Map<string, MeshListener>();
  readonly #sockets = new Set<Socket>();
  /** Those whose PROXY header hasn't come yet. */
  readonly #headless = new Set<Socket>();
  /** Codes of errors that have been reported, by cause. */
  readonly #reported = new Map<string, string>();
  readonly #forget: (this: Socket) => void;
  #retry: NodeJS.Timeout | undefined;
  #nextSweep = 0;
  #drained: (() => void) | undefined;

  constructor(options: MeshListenersOptions) {
    this.#options = options;
    this.#maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
    const sockets = this.#sockets;
    const headless = this.#headless;
    const onClosed = (): void => this.#onClosed();
    // One function for all connections; `this` is the socket.
    this.#forget = function (this: Socket) {
      sockets.delete(this);
      headless.delete(this);
      onClosed();
    };
  }

  /** Number of open connections. */
  get connections(): number {
    this.#sweep();
    return this.#sockets.size;
  }

  /** Sockets that listen, with the ports that they got. */
  get open(): readonly Listening[] {
    return [...this.#listeners.values()]
      .filter(({ isOpen }) => isOpen)
      .map(({ listening: { address }, port, kind }) => ({ address, port, kind }));
  }

  /**
   * Listens on these and no others. What is in both lists isn't touched, nor are open connections.
   * @returns once each either listens or is reported, to be tried again
   */
  async arrange(list: readonly Listening[]): Promise<void> {
    const wanted = new Map(list.map((listening) => [keyOf(listening, list), listening]));
    for (const [key, listener] of this.#listeners) {
      const same = wanted.get(key);
      if (same !== undefined) {
        listener.kind = same.kind;
        continue;
      }
      listener.close();
      this.#listeners.delete(key);
      this.#settle(causeOf(listener));
    }
    const opening: Promise<void>[] = [];
    for (const [key, listening] of wanted) {
      if (this.#listeners.has(key)) continue;
      const listener = new MeshListener(listening, isOneFamily(listening, list), this.#owner);
      this.#listeners.set(key, listener);
      opening.push(this.#open(key, listener));
    }
    await Promise.all(opening);
  }

  /** Stops listening and resets all connections. */
  close(): void {
    void this.arrange([]);
    clearTimeout(this.#retry);
    for (const socket of this.#sockets) if (!socket.destroyed) socket.resetAndDestroy();
  }

  /**
   * Stops listening and waits for the connections to end. The fronts end those that are idle, and
   * those whose PROXY header hasn't come are closed.
   * @param patience milliseconds after which the rest is reset
   */
  async drain(patience: number): Promise<void> {
    await this.arrange([]);
    for (const socket of this.#headless) socket.destroy();
    if (this.connections > 0) {
      await new Promise<void>((resolve) => {
        const deadline = setTimeout(resolve, patience);
        this.#drained = () => {
          clearTimeout(deadline);
          resolve();
        };
      });
    }
    this.close();
  }

  readonly #owner = {
    accept: (socket: Socket, listener: MeshListener): void => this.#accept(socket, listener),
    acceptFailed: (error: NodeJS.ErrnoException, listener: MeshListener): void => {
      listener.hasLost = true;
      this.#report(`accept ${listeningText(listener.listening)}`, error.code, acceptTrouble(listener.listening, error));
    },
  };

  #accept(socket: Socket, listener: MeshListener): void {
    if (this.#sockets.size >= this.#maxConnections && !this.#makeRoom()) {
      this.#refuse(socket);
      return;
    }
    if (listener.hasLost) {
      listener.hasLost = false;
      this.#settle(`accept ${listeningText(listener.listening)}`);
    }
    this.#sockets.add(socket);
    socket.on('close', this.#forget);
    const client = new SocketClient(socket, listener.port, this.trusted);
    if (client.isTrusted && this.settings.acceptProxy) {
      socket.on('error', ignore);
      this.#headless.add(socket);
      awaitProxyHeader(socket, this.settings.headTimeout, this.#proxied(client, listener));
      return;
    }
    this.#hand(socket, client, undefined, listener);
  }

  #proxied(peer: Client, listener: MeshListener): ProxyHeaderTaker {
    return {
      taken: (socket: Socket, connection: ProxiedConnection | undefined, rest: Buffer | undefined) => {
        socket.off('error', ignore);
        this.#headless.delete(socket);
        this.#hand(socket, connection === undefined ? peer : proxiedClient(connection, this.trusted), rest, listener);
      },
      refused: () => {
        this.counters.badProxyHeaders++;
      },
    };
  }

  #hand(socket: Socket, client: Client, first: Buffer | undefined, { kind }: MeshListener): void {
    this.counters.accepted++;
    if (kind === ListenKind.Tls) this.#options.tls(socket, client, first);
    else this.#options.http(socket, client, first);
  }

  #refuse(socket: Socket): void {
    this.counters.refused++;
    const max = this.#maxConnections;
    this.#report(TOO_MANY, TOO_MANY, `the mesh has ${max} open connections, the maximum; more are refused`);
    socket.on('error', ignore);
    socket.resetAndDestroy();
  }

  /** Whether there is room for another connection after all: a front that left no listeners hides that one was closed. */
  #makeRoom(): boolean {
    const now = performance.now();
    if (now < this.#nextSweep) return false;
    this.#nextSweep = now + SWEEP;
    this.#sweep();
    return this.#sockets.size < this.#maxConnections;
  }

  #sweep(): void {
    for (const socket of this.#sockets) if (socket.destroyed) this.#sockets.delete(socket);
  }

  #onClosed(): void {
    const { size } = this.#sockets;
    if (this.#reported.has(TOO_MANY) && size <= RELIEF * this.#maxConnections) this.#settle(TOO_MANY);
    if (size === 0) this.#drained?.();
  }

  async #open(key: string, listener: MeshListener): Promise<void> {
    const error = await listener.open();
    // It may have been closed meanwhile.
    if (this.#listeners.get(key) !== listener) return;
    if (error === undefined) {
      this.#settle(causeOf(listener));
      return;
    }
    this.#report(causeOf(listener), error.code ?? error.message, listenTrouble(listener.listening, error));
    this.#retry ??= setTimeout(() => this.#tryAgain(), this.#options.retry ?? RETRY);
  }

  #tryAgain(): void {
    this.#retry = undefined;
    for (const [key, listener] of this.#listeners) if (listener.hasFailed) void this.#open(key, listener);
  }

  /** Reports a trouble, unless it has been. */
  #report(cause: string, code: string | undefined, what: string): void {
    if (this.#reported.get(cause) === (code ?? what)) return;
    this.#reported.set(cause, code ?? what);
    this.#options.trouble(cause, what);
  }

  /** Reports that a trouble is over, if there was one. */
  #settle(cause: string): void {
    if (this.#reported.delete(cause)) this.#options.trouble(cause, undefined);
  }
}

function ignore(): void {
  // The socket closes, which is what counts.
}

function causeOf({ listening }: MeshListener): string {
  return `listen ${listeningText(listening)}`;
}

/** Whether a socket is for IPv6 alone, since another one has IPv4. */
function isOneFamily({ address, port }: Listening, list: readonly Listening[]): boolean {
  return address === '::' && list.some((other) => other.address === '0.0.0.0' && other.port === port);
}

function keyOf(listening: Listening, list: readonly Listening[]): string {
  return `${listeningText(listening)}${isOneFamily(listening, list) ? ' IPv6' : ''}`;
}
