/** Carries the datagrams of one port to a target, with a socket for each client so that answers find their way back. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { ProxyRoute } from './port-proxy.js';
import type { PortRelay, RelayContext } from './port-relay.js';

/** Datagrams that a client's new socket holds until it is ready. */
const MAX_HELD = 16;
/** Interval at which idle clients are looked for, in milliseconds. */
const CHECK = 1000;

interface Client {
  readonly socket: Socket;
  /** Until the socket is connected. */
  held: Uint8Array[] | undefined;
  /** Time of its last datagram, either way, in milliseconds. */
  active: number;
}

/** Resolves an address to itself: there are no names here. */
function lookup(
  address: string,
  _: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, address, 4);
}

/** The socket of a port, and its clients. */
export class UdpRelay implements PortRelay {
  readonly #context: RelayContext;
  readonly #server = createSocket({ type: 'udp4', lookup });
  /** By address and port; the one that was idle for longest first. */
  readonly #clients = new Map<string, Client>();
  readonly #timer: NodeJS.Timeout;
  #route: ProxyRoute;

  constructor(route: ProxyRoute, context: RelayContext) {
    this.#route = route;
    this.#context = context;
    this.#server.on('message', (message, from) => this.#forward(message, from));
    this.#timer = setInterval(() => this.#expire(), Math.min(CHECK, context.limits.udpIdle));
  }

  listen(): Promise<void> {
    const { host = '0.0.0.0', port } = this.#route;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.bind({ address: host, port, exclusive: true }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#context.trouble(this.#route, error));
        resolve();
      });
    });
  }

  lead(route: ProxyRoute): void {
    const { to, toPort } = this.#route;
    this.#route = route;
    if (route.to === to && route.toPort === toPort) return;
    for (const key of [...this.#clients.keys()]) this.#forget(key);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const key of [...this.#clients.keys()]) this.#forget(key);
    this.#server.close();
  }

  #forward(message: Uint8Array, from: RemoteInfo): void {
    const { counters } = this.#context;
    counters.datagramsIn++;
    const key = `${from.address}:${from.port}`;
    let client = this.#clients.get(key);
    if (client === undefined) client = this.#open(from);
    else this.#clients.delete(key);
    this.#clients.set(key, client);
    client.active = performance.now();
    if (client.held === undefined) client.socket.send(message, this.#countLost);
    else if (client.held.length < MAX_HELD) client.held.push(message);
    else counters.datagramsLost++;
  }

  #open(from: RemoteInfo): Client {
    const { limits, counters } = this.#context;
    if (counters.clients >= limits.maxClients) {
      // The limit is for all ports together. A port that has no client exceeds it, by one.
      for (const oldest of this.#clients.keys()) {
        counters.replaced++;
        this.#forget(oldest);
        break;
      }
    }
    counters.clients++;
    const socket = createSocket({ type: 'udp4', lookup });
    const client: Client = { socket, held: [], active: 0 };
    socket.on('message', (answer) => {
      client.active = performance.now();
      this.#server.send(answer, from.port, from.address, (error) => {
        if (error === null) counters.datagramsOut++;
        else counters.datagramsLost++;
      });
    });
    // ICMP errors about what was sent.
    socket.on('error', () => undefined);
    const { to, toPort } = this.#route;
    socket.connect(toPort, to, () => {
      const { held = [] } = client;
      client.held = undefined;
      for (const message of held) socket.send(message, this.#countLost);
    });
    return client;
  }

  readonly #countLost = (error: Error | null): void => {
    if (error !== null) this.#context.counters.datagramsLost++;
  };

  #expire(): void {
    const before = performance.now() - this.#context.limits.udpIdle;
    for (const [key, client] of this.#clients) if (client.active <= before) this.#forget(key);
  }

  #forget(key: string): void {
    const client = this.#clients.get(key);
    if (client === undefined) return;
    this.#clients.delete(key);
    this.#context.counters.clients--;
    client.socket.close();
  }
}
