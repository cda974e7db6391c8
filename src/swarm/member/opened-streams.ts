import { connect, type Socket } from 'node:net';
import {
  fromStream,
  type GossipEndpoint,
  isFault,
  MessageType,
  StreamDecoder,
  type StreamMessage,
} from '../../gossip/index.js';
import { formatAddress } from '../../overlay/internal.js';
import { isReachable } from './address-text.js';
import type { StreamContext } from './accepted-streams.js';
import { encoded, StreamBytes } from './stream-bytes.js';

/** Why a stream that this member opened failed. */
export type StreamFailure = 'refused' | 'timeout' | 'unreachable' | 'no-answer' | 'unreadable' | 'other';

/** Where opened streams end. Called in a later turn than `open`. */
export interface StreamOpener {
  /** The answer; undefined when a message that has none was sent. */
  streamAnswered(id: number, to: GossipEndpoint, answer: StreamMessage | undefined): void;
  streamFailed(id: number, to: GossipEndpoint, failure: StreamFailure, detail: string): void;
}

interface Opened {
  readonly id: number;
  readonly to: GossipEndpoint;
  readonly socket: Socket;
  readonly decoder: StreamDecoder;
  readonly timer: NodeJS.Timeout;
  /** Whether the connection was made. */
  isConnected: boolean;
  held: number;
}

/** The streams that a member opens to others. */
export class OpenedStreams {
  readonly #from: GossipEndpoint;
  readonly #context: StreamContext;
  readonly #opener: StreamOpener;
  readonly #open = new Set<Opened>();
  readonly #bytes: StreamBytes;

  /** @param from this member's own address, by which others know it */
  constructor(from: GossipEndpoint, context: StreamContext, opener: StreamOpener) {
    this.#from = from;
    this.#context = context;
    this.#opener = opener;
    this.#bytes = new StreamBytes(context.bounds.memberBytes);
  }

  /** @param timeout milliseconds until the answer must be there */
  open(id: number, to: GossipEndpoint, message: StreamMessage, timeout: number): void {
    const { bounds, counters, keys } = this.#context;
    const refusal = !isReachable(to, this.#from)
      ? 'the address is of the other family, or none of a node'
      : this.#open.size >= bounds.openedStreams
        ? 'too many streams are open'
        : undefined;
    if (refusal !== undefined) {
      counters.drop('too-many-streams');
      this.#failLater(id, to, refusal);
      return;
    }
    const bytes = encoded(message, keys, true);
    if (bytes === undefined || !this.#bytes.take(bytes.length)) {
      counters.drop('too-many-bytes');
      this.#failLater(id, to, 'streams hold too many bytes');
      return;
    }
    counters.streamsOpened += 1;
    const socket = connect({
      host: formatAddress(to.addr),
      port: to.port,
      localAddress: formatAddress(this.#from.addr),
      noDelay: true,
    });
    const stream: Opened = {
      id,
      to,
      socket,
      decoder: new StreamDecoder(keys.ring, { accepted: false }),
      timer: setTimeout(
        () => this.#fail(stream, stream.isConnected ? 'no-answer' : 'timeout', 'no answer in time'),
        Math.max(0, timeout),
      ),
      isConnected: false,
      held: bytes.length,
    };
    this.#open.add(stream);
    socket.on('connect', () => {
      stream.isConnected = true;
      counters.bytesSent += bytes.length;
      if (message.type === MessageType.User) socket.end(bytes, () => this.#succeed(stream, undefined));
      else socket.write(bytes);
    });
    socket.on('data', (chunk: Buffer) => this.#read(stream, chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(stream, failureOf(stream, error), error.message));
    socket.on('close', () => this.#fail(stream, 'no-answer', 'the connection was closed'));
  }

  close(): void {
    for (const stream of [...this.#open]) {
      this.#end(stream);
      stream.socket.destroy();
    }
  }

  #read(stream: Opened, chunk: Buffer): void {
    const { counters, keys } = this.#context;
    if (!this.#open.has(stream)) return;
    counters.bytesReceived += chunk.length;
    if (!this.#bytes.take(chunk.length)) {
      counters.drop('too-many-bytes');
      this.#fail(stream, 'other', 'streams hold too many bytes');
      return;
    }
    stream.held += chunk.length;
    const message = stream.decoder.push(chunk);
    if (message === undefined) return;
    if (isFault(message)) {
      counters.drop(message);
      this.#fail(stream, 'unreadable', message);
      return;
    }
    keys.countReceived(stream.decoder.keyTag);
    const answer = fromStream(message);
    if (answer === undefined) this.#fail(stream, 'no-answer', 'the answer is no answer');
    else this.#succeed(stream, answer);
  }

  #succeed(stream: Opened, answer: StreamMessage | undefined): void {
    if (!this.#end(stream)) return;
    stream.socket.end();
    // The other side closes, too; it isn't waited for longer than the data in flight needs.
    stream.socket.setTimeout(1000, () => stream.socket.destroy());
    this.#opener.streamAnswered(stream.id, stream.to, answer);
  }

  #fail(stream: Opened, failure: StreamFailure, detail: string): void {
    if (!this.#end(stream)) return;
    stream.socket.destroy();
    this.#context.counters.streamsFailed += 1;
    this.#opener.streamFailed(stream.id, stream.to, failure, detail);
  }

  #failLater(id: number, to: GossipEndpoint, detail: string): void {
    this.#context.counters.streamsFailed += 1;
    setImmediate(() => this.#opener.streamFailed(id, to, 'other', detail));
  }

  #end(stream: Opened): boolean {
    if (!this.#open.delete(stream)) return false;
    clearTimeout(stream.timer);
    this.#bytes.giveBack(stream.held);
    return true;
  }
}

function failureOf({ isConnected }: Opened, { code }: NodeJS.ErrnoException): StreamFailure {
  if (code === 'ECONNREFUSED') return 'refused';
  if (code === 'ETIMEDOUT') return 'timeout';
  // An ICMP message of a firewall, a router or this host's own ARP.
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'unreachable';
  return isConnected ? 'no-answer' : 'other';
}
