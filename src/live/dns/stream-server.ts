/** Answers queries over TCP on one listener (RFC 7766). */
import { createServer, type Server, type Socket } from 'node:net';
import {
  DnsTransport,
  FORWARD,
  MAX_TCP_QUERIES,
  TCP_IDLE_SECONDS,
  tcpFrame,
  TcpMessages,
} from '../../service/index.js';
import { type Answering } from './datagram-server.js';
import { DnsDrop } from './dns-counters.js';

/** Connections of an endpoint. A further one closes the oldest, so that idle clients can't block others. */
const MAX_CONNECTIONS = 128;
/** A connection with this many unread bytes of answers is closed: its client doesn't read. */
const MAX_UNREAD = 256 * 1024;

/** The TCP side of an endpoint's server. */
export class StreamServer {
  readonly #answering: Answering;
  readonly #server: Server;
  readonly #open = new Set<Connection>();
  /** For answers, which are copied when they are sent. */
  readonly #out: Uint8Array;

  /**
   * @param descriptor a listening socket, which this closes
   * @param out at least 65,535 bytes, shared with other servers of this thread
   * @param failed called if the listener fails
   */
  constructor(descriptor: number, out: Uint8Array, answering: Answering, failed: (error: Error) => void) {
    this.#answering = answering;
    this.#out = out;
    // A client may end its side after the last query.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#server.on('error', failed);
    this.#server.listen({ fd: descriptor });
  }

  /** Closes the listener and all connections. */
  close(): void {
    this.#server.close();
    for (const connection of [...this.#open]) connection.close();
  }

  #accept(socket: Socket): void {
    const { counters } = this.#answering;
    counters.connections++;
    const connection = new Connection(socket, this.#answering, this.#out);
    this.#open.add(connection);
    socket.once('close', () => this.#open.delete(connection));
    if (this.#open.size <= MAX_CONNECTIONS) return;
    for (const oldest of this.#open) {
      counters.closedConnections++;
      oldest.close();
      break;
    }
  }
}

/** A client's connection. */
class Connection {
  readonly #socket: Socket;
  readonly #answering: Answering;
  readonly #out: Uint8Array;
  readonly #messages = new TcpMessages();
  readonly #idle: NodeJS.Timeout;
  readonly #take = (message: Uint8Array): void => this.#answer(message);
  #queries = 0;
  #pending = 0;
  /** Nothing more is read: the client has ended its side, or has asked as often as it may. */
  #ended = false;

  constructor(socket: Socket, answering: Answering, out: Uint8Array) {
    this.#socket = socket;
    this.#answering = answering;
    this.#out = out;
    this.#idle = setTimeout(() => this.#expire(), 1000 * TCP_IDLE_SECONDS);
    socket.on('data', (chunk: Uint8Array) => this.#messages.push(chunk, this.#take));
    socket.on('end', () => this.#end());
    socket.on('error', () => undefined);
    socket.once('close', () => clearTimeout(this.#idle));
  }

  close(): void {
    this.#socket.destroy();
  }

  #answer(message: Uint8Array): void {
    if (this.#ended || this.#socket.destroyed) return;
    const { resolver, client, counters, forward } = this.#answering;
    const out = this.#out;
    this.#idle.refresh();
    counters.queries++;
    const last = ++this.#queries >= MAX_TCP_QUERIES;
    const length = resolver.answer(client, message, 0, message.length, DnsTransport.Tcp, out, 0);
    if (length > 0) {
      this.#send(out.subarray(0, length));
    } else if (length === FORWARD) {
      this.#pending++;
      forward(resolver.forward(client, DnsTransport.Tcp), (answer) => {
        this.#pending--;
        this.#idle.refresh();
        if (answer !== undefined) this.#send(answer);
        if (this.#ended) this.#end();
      });
    } else {
      counters.dropped[DnsDrop.Unanswerable]++;
    }
    if (last) this.#end();
  }

  #send(answer: Uint8Array): void {
    const { counters } = this.#answering;
    const socket = this.#socket;
    if (!socket.writable) {
      counters.dropped[DnsDrop.ClientGone]++;
      return;
    }
    socket.write(tcpFrame(answer));
    counters.answers++;
    if (socket.writableLength <= MAX_UNREAD) return;
    counters.closedConnections++;
    socket.destroy();
  }

  /** Reads no more, and closes the connection after the last answer. */
  #end(): void {
    this.#ended = true;
    if (this.#pending === 0 && this.#socket.writable) this.#socket.end();
  }

  /** No complete query came in time. */
  #expire(): void {
    if (this.#pending > 0) {
      this.#idle.refresh();
      return;
    }
    this.#answering.counters.closedConnections++;
    this.#socket.destroy();
  }
}
