/** Holds published ports on the host, so that no other program takes one whose connections would never reach it. */
import { portName, type PublishedPort } from '../../overlay/index.js';
import { parseIpv4 } from '../../wire/index.js';
import { LiveError } from '../error.js';
import { SocketOption, SocketType, SystemSocket } from '../socket/system-socket.js';
import { overBudget, portBudget } from './port-budget.js';

/** A port to hold. */
export type HeldPort = Pick<PublishedPort, 'protocol' | 'published'>;

const ANY = parseIpv4('0.0.0.0');
/** Key of the trouble that there are more ports than may be held. */
const TOO_MANY = '';

/**
 * Sockets that are bound to published ports and never used: the host's rules redirect the packets before they reach one.
 * Address reuse is off, so that no other socket can bind the port, whatever its own options.
 *
 * TCP sockets don't listen: a connection that no rule redirects is refused instead of never being answered. SCTP ports
 * can't be held.
 */
export class HeldPorts {
  readonly #onTrouble: (what: string) => void;
  readonly #limit: number;
  readonly #sockets = new Map<string, SystemSocket>();
  /** Ports whose trouble has been reported, and persists. */
  readonly #troubled = new Set<string>();

  /**
   * @param onTrouble called once with one line for people for each port that can't be held; it works all the same, and is
   * tried again with the next `set`
   * @param limit maximum number of ports that are held, since each has a descriptor. Default: half of those that this
   * process may have
   */
  constructor(onTrouble: (what: string) => void, limit = portBudget()) {
    this.#onTrouble = onTrouble;
    this.#limit = limit;
  }

  /** The ports that are held: `8080/tcp`. */
  get held(): readonly string[] {
    return [...this.#sockets.keys()];
  }

  /** Holds these ports from now on, and no others. Of too many, the first are held. */
  set(ports: readonly HeldPort[]): void {
    const all = ports.filter(({ protocol }) => protocol !== 'sctp');
    const wanted = new Map<string, HeldPort>(all.slice(0, this.#limit).map((port) => [portName(port), port]));
    for (const [name, socket] of this.#sockets) {
      if (wanted.has(name)) continue;
      socket.close();
      this.#sockets.delete(name);
    }
    const isOver = all.length > this.#limit;
    for (const name of this.#troubled) {
      if (name === TOO_MANY ? !isOver : !wanted.has(name)) this.#troubled.delete(name);
    }
    for (const [name, { protocol, published }] of wanted) {
      if (protocol === 'sctp' || this.#sockets.has(name)) continue;
      this.#hold(name, protocol, published);
    }
    if (isOver) this.#report(TOO_MANY, overBudget('holds', this.#limit, all.length));
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
      const inUse = `another program uses ${what}; connections from outside reach the service instead of it`;
      this.#report(name, error.code === 'PORT_IN_USE' ? inUse : error.message);
    }
  }

  #report(name: string, trouble: string): void {
    if (this.#troubled.has(name)) return;
    this.#troubled.add(name);
    this.#onTrouble(trouble);
  }
}
