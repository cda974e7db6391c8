/** One listening socket of the mesh. */
import { createServer, type Server, type Socket } from 'node:net';
import type { Listening, ListenKind } from './listening.js';

/** Backlog of connections that aren't accepted yet. */
const BACKLOG = 4096;

/** Who gets what happens on it. */
export interface ListenerOwner {
  accept(socket: Socket, listener: MeshListener): void;
  /** accept(2) failed: connections were lost, but it goes on listening. */
  acceptFailed(error: NodeJS.ErrnoException, listener: MeshListener): void;
}

/** A socket that listens, or tries to. */
export class MeshListener {
  readonly listening: Listening;
  /** What its connections speak: may change while it listens. */
  kind: ListenKind;
  /** The port that it got, also if 0 was asked for. */
  port: number;
  isOpen = false;
  /** Whether the latest attempt failed. */
  hasFailed = false;
  /** Whether lost connections have been reported. */
  hasLost = false;
  readonly #owner: ListenerOwner;
  readonly #ipv6Only: boolean;
  #server: Server | undefined;
  #isClosed = false;

  constructor(listening: Listening, ipv6Only: boolean, owner: ListenerOwner) {
    this.listening = listening;
    this.kind = listening.kind;
    this.port = listening.port;
    this.#ipv6Only = ipv6Only;
    this.#owner = owner;
  }

  /**
   * Listens.
   * @returns undefined once it does; otherwise why not
   */
  async open(): Promise<NodeJS.ErrnoException | undefined> {
    // Each side of a connection may end before the other does, and requests are written whole.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#owner.accept(socket, this));
    this.#server = server;
    this.hasFailed = false;
    const { address, port } = this.listening;
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve);
      // Closed before it listened: newer versions of Node then never do.
      server.once('close', () => resolve(undefined));
      server.listen({ host: address, port, backlog: BACKLOG, ipv6Only: this.#ipv6Only }, () => {
        server.off('error', resolve);
        server.on('error', (lost: NodeJS.ErrnoException) => this.#owner.acceptFailed(lost, this));
        // Older ones do, a little after they were asked to stop.
        if (this.#isClosed) server.close();
        else this.isOpen = true;
        resolve(undefined);
      });
    });
    this.hasFailed = error !== undefined;
    const bound = server.address();
    if (bound !== null && typeof bound === 'object') this.port = bound.port;
    return error;
  }

  /** Stops listening at once: the port is free when this returns. Connections stay. */
  close(): void {
    this.isOpen = false;
    this.#isClosed = true;
    this.#server?.close();
  }
}
