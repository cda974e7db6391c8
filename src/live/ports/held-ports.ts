/** Holds published ports on the host, so that no other program takes one whose connections would never reach it. */
import { portName, type PublishedPort } from '../../overlay/index.js';
import { parseIpv4 } from '../../wire/index.js';
import { LiveError } from '../error.js';
import { SocketOption, SocketType, SystemSocket } from '../socket/system-socket.js';

/** A port to hold. */
export type HeldPort = Pick<PublishedPort, 'protocol' | 'published'>;

const ANY = parseIpv4('0.0.0.0');

/**
 * Sockets that are bound to published ports and never used: the host's rules redirect the packets before they reach one.
 * Address reuse is off, so that no other socket can bind the port, whatever its own options.
 *
 * TCP sockets don't listen: a connection that no rule redirects is refused instead of never being answered. SCTP ports
 * can't be held.
 */
export class HeldPorts {
  readonly #onTrouble: (what: string) => void;
  readonly #sockets = new Map<string, SystemSocket>();
  /** Ports whose trouble has been reported, and persists. */
  readonly #troubled = new Set<string>();

  /**
   * @param onTrouble called once with one line for people for each port that can't be held; it works all the same, and is
   * tried again with the next `set`
   */
  constructor(onTrouble: (what: string) => void) {
    this.#onTrouble = onTrouble;
  }

  /** The ports that are held: `8080/tcp`. */
  get held(): readonly string[] {
    return [...this.#sockets.keys()];
  }

  /** Holds these ports from now on, and no others. */
  set(ports: readonly HeldPort[]): void {
    const wanted = new Map(ports.map((port) => [portName(port), port]));
    for (const [name, socket] of this.#sockets) {
      if (wanted.has(name)) continue;
      socket.close();
      this.#sockets.delete(name);
    }
    for (const name of this.#troubled) if (!wanted.has(name)) this.#troubled.delete(name);
    for (const [name, { protocol, published }] of wanted) {
      if (protocol === 'sctp' || this.#sockets.has(name)) continue;
      this.#hold(name, protocol, published);
    }
  }

  /** Releases all ports. */
  close(): void {
    this.set([]);
  }

  #hold(name: string, protocol: 'tcp' | 'udp', port: number): void {
    const what = `${protocol.toUpperCase()} port ${port}`;
    let socket: SystemSocket | undefined;
    try {
      const type = protocol === 'tcp' ? SocketType.Stream : SocketType.Datagram;
      socket = new SystemSocket(4, type, 0, what);
      // Datagrams that no rule redirects are of no use.
      if (protocol === 'udp') socket.set(SocketOption.ReceiveBuffer, 0);
      socket.bind(ANY, port, 'every address of this host');
      this.#sockets.set(name, socket);
      this.#troubled.delete(name);
    } catch (error) {
      socket?.close();
      if (!(error instanceof LiveError)) throw error;
      if (this.#troubled.has(name)) return;
      this.#troubled.add(name);
      const inUse = `another program uses ${what}; connections from outside reach the service instead of it`;
      this.#onTrouble(error.code === 'PORT_IN_USE' ? inUse : error.message);
    }
  }
}
