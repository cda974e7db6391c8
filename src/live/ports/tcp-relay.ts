/** Carries the TCP connections of one port to a target. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { ProxyRoute } from './port-proxy.js';
import type { PortRelay, RelayContext } from './port-relay.js';

/** Backlog of connections that aren't accepted yet. */
const BACKLOG = 511;

/** Ends a connection with a reset, if it isn't closed yet. */
function reset(socket: Socket): void {
  if (socket.destroyed) return;
  // A socket that isn't connected has nobody to reset.
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

/** The listening socket of a port, and its connections. */
export class TcpRelay implements PortRelay {
  readonly #context: RelayContext;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  #route: ProxyRoute;

  constructor(route: ProxyRoute, context: RelayContext) {
    this.#route = route;
    this.#context = context;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  listen(): Promise<void> {
    const { host = '0.0.0.0', port } = this.#route;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.off('error', reject);
        // Out of descriptors, for example: the connection is lost, the port is still served.
        this.#server.on('error', (error) => this.#context.trouble(this.#route, error));
        resolve();
      });
    });
  }

  lead(route: ProxyRoute): void {
    this.#route = route;
  }

  close(): void {
    this.#server.close();
    for (const client of this.#clients) client.resetAndDestroy();
  }

  #accept(client: Socket): void {
    const { limits, counters } = this.#context;
    client.on('error', () => undefined);
    if (counters.open >= limits.maxConnections) {
      counters.refused++;
      client.resetAndDestroy();
      return;
    }
    counters.accepted++;
    counters.open++;
    this.#clients.add(client);
    const { to, toPort } = this.#route;
    const target = connect({ host: to, port: toPort, allowHalfOpen: true, noDelay: true });
    let isConnected = false;
    target.once('connect', () => (isConnected = true));
    target.on('error', () => {
      if (!isConnected) counters.unreachable++;
    });
    // What either side sends or takes is activity of the client's socket too.
    client.setTimeout(limits.tcpIdle, () => reset(client));
    client.pipe(target);
    target.pipe(client);
    client.once('close', (failed) => {
      counters.open--;
      this.#clients.delete(client);
      if (failed || !client.readableEnded) reset(target);
      else target.destroySoon();
    });
    target.once('close', (failed) => {
      if (failed || !target.readableEnded) reset(client);
    });
  }
}
