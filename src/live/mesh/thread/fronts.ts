/** Where clients connect, and what takes over their connections. */
import type { Socket } from 'node:net';
import type { Client } from '../client.js';
import { TrustedPeers } from '../client-trust.js';
import { HttpFront } from '../http1/http-front.js';
import { Http2Front } from '../http2/http2-front.js';
import { type Listening, ListenKind, type TellTrouble } from '../listen/listening.js';
import { MeshListeners } from '../listen/mesh-listeners.js';
import type { MeshContext } from '../mesh-context.js';
import type { ListenerReport, MeshPlanSettings } from '../plan.js';
import { SniFront } from '../sni/sni-front.js';

/** The listeners, and the connections of clients. */
export class Fronts {
  readonly #context: MeshContext;
  readonly #listeners: MeshListeners;
  readonly #http = new Set<HttpFront>();
  readonly #http2: Http2Front;

  constructor(context: MeshContext, trouble: TellTrouble) {
    this.#context = context;
    this.#http2 = new Http2Front(context, context.sessions);
    this.#listeners = new MeshListeners({
      http: (socket, client, first) => this.#takeHttp(socket, client, first),
      tls: (socket, client, first) => {
        new SniFront(socket, context, client, first);
      },
      trouble,
    });
  }

  get connections(): number {
    return this.#listeners.connections;
  }

  /** Connections that were reset because too many were open, or closed for their PROXY header. */
  get refused(): number {
    const { refused, badProxyHeaders } = this.#listeners.counters;
    return refused + badProxyHeaders;
  }

  get listeners(): readonly ListenerReport[] {
    return this.#listeners.open.map(({ address, port, kind }) => ({ address, port, isTls: kind === ListenKind.Tls }));
  }

  /** Listens as the settings say; listeners that stay are kept. Resolves when each listens or has been reported. */
  async arrange({ http, tls, listen, trusted, acceptProxy, timeouts }: MeshPlanSettings): Promise<void> {
    const listeners = this.#listeners;
    listeners.trusted = new TrustedPeers(trusted);
    listeners.settings = { acceptProxy, headTimeout: timeouts.head };
    const of = (ports: readonly number[], kind: ListenKind): Listening[] =>
      listen.flatMap((address) => ports.map((port) => ({ address, port, kind })));
    await listeners.arrange([...of(http, ListenKind.Http), ...of(tls, ListenKind.Tls)]);
  }

  /** Stops listening, lets requests end that are under way, and closes what is left after so many milliseconds. */
  async drain(patience: number): Promise<void> {
    const drained = this.#listeners.drain(patience);
    for (const front of this.#http) front.drain();
    this.#http2.drain();
    await drained;
    this.#http2.close();
  }

  /** Takes over a connection whose client speaks HTTP/2. */
  beginHttp2(socket: Socket, bytes: Buffer, client: Client): void {
    this.#http2.begin(socket, bytes, client);
  }

  #takeHttp(socket: Socket, client: Client, first: Buffer | undefined): void {
    if (first !== undefined) socket.unshift(first);
    const front = new HttpFront(socket, this.#context, client);
    this.#http.add(front);
    socket.once('close', () => this.#http.delete(front));
  }
}
