/** The client's ports of connections between two containers, to one port of the server. */
const FIRST_PORT = 32_768;
const PORTS = 28_001;

/** Connections that are open at the same time, at most, so that a closed one's port is free for long. */
export const MAX_CONNECTIONS = 10_000;

/** Ports in turn: one is used again only after all others, and never while its connection is open. */
export class ClientPorts {
  #next: number;
  readonly #used = new Set<number>();

  /** @param first where the turn begins, from 0 */
  constructor(first: number) {
    this.#next = first % PORTS;
  }

  /** A port for a new connection; at most `MAX_CONNECTIONS` may be taken. */
  take(): number {
    for (;;) {
      const port = FIRST_PORT + this.#next;
      this.#next = (this.#next + 1) % PORTS;
      if (this.#used.has(port)) continue;
      this.#used.add(port);
      return port;
    }
  }

  /** Gives a port back. */
  free(port: number): void {
    this.#used.delete(port);
  }
}
