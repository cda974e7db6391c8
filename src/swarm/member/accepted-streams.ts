import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import {
  fromStream,
  type GossipEndpoint,
  type GossipFault,
  isFault,
  type MemberMessage,
  StreamDecoder,
  type StreamMessage,
} from '../../gossip/index.js';
import { formatAddress } from '../../overlay/internal.js';
import { endpointText, withoutZone } from './address-text.js';
import type { GossipBounds } from './gossip-bounds.js';
import type { RunningCounters } from './gossip-counters.js';
import { socketError } from './gossip-error.js';
import type { KnownAddresses } from './known-addresses.js';
import type { MemberKeys } from './member-keys.js';
import { encoded, StreamBytes } from './stream-bytes.js';

/** How long a stream may take, in milliseconds: memberlist's TCPTimeout. */
const STREAM_TIMEOUT = 10_000;
/** Budgets are for this time, in milliseconds. */
const INTERVAL = 100;
/** Connections that wait to be accepted: in a full queue, those of members would wait for seconds. */
const BACKLOG = 1024;

/** What accepted streams are for. */
export interface StreamReceiver {
  /** Takes a message from an address. Returns the answer, if any. */
  messageArrived(message: StreamMessage, address: string): StreamMessage | undefined;
  /** The stream of a member or seed couldn't be decoded. */
  streamUnreadable(address: string, fault: GossipFault): void;
}

/** What accepted streams share. */
export interface StreamContext {
  readonly bounds: GossipBounds;
  readonly known: KnownAddresses;
  readonly keys: MemberKeys;
  readonly counters: RunningCounters;
}

/** A stream that another member, or a stranger, opened. */
interface Accepted {
  readonly socket: Socket;
  readonly address: string;
  readonly isKnown: boolean;
  readonly decoder: StreamDecoder;
  readonly timer: NodeJS.Timeout;
  held: number;
  isDone: boolean;
}

/** The TCP server of a member. */
export class AcceptedStreams {
  readonly #server: Server;
  readonly #context: StreamContext;
  readonly #receiver: StreamReceiver;
  readonly #members = new Set<Accepted>();
  readonly #strangers = new Set<Accepted>();
  readonly #memberBytes: StreamBytes;
  readonly #strangerBytes: StreamBytes;
  /** Bytes that strangers may still send in this interval, and streams of them that wait for the next one. */
  #credit: number;
  readonly #waiting = new Set<Accepted>();
  readonly #refill: NodeJS.Timeout;

  private constructor(server: Server, context: StreamContext, receiver: StreamReceiver) {
    this.#server = server;
    this.#context = context;
    this.#receiver = receiver;
    const { memberBytes, strangerBytes, strangerStreamBytes } = context.bounds;
    this.#memberBytes = new StreamBytes(memberBytes);
    this.#strangerBytes = new StreamBytes(strangerBytes);
    this.#credit = strangerStreamBytes;
    server.on('connection', (socket) => this.#accept(socket));
    this.#refill = setInterval(() => this.#resume(), INTERVAL);
  }

  /**
   * Listens.
   * @throws GossipError `PORT_IN_USE`, `NOT_THERE`, `NOT_PERMITTED`, `SOCKET_FAILED`
   */
  static async listen(
    endpoint: GossipEndpoint,
    context: StreamContext,
    receiver: StreamReceiver,
  ): Promise<AcceptedStreams> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    try {
      server.listen({
        host: formatAddress(endpoint.addr),
        port: endpoint.port,
        ipv6Only: endpoint.addr.length > 4,
        exclusive: true,
        backlog: BACKLOG,
      });
      await once(server, 'listening');
    } catch (error) {
      throw socketError(`TCP ${endpointText(endpoint)}`, error as Error);
    }
    // A connection that could not be accepted, as without file descriptors; the server goes on.
    server.on('error', () => context.counters.drop('not-accepted'));
    return new AcceptedStreams(server, context, receiver);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Closes the server and all streams. */
  async close(): Promise<void> {
    clearInterval(this.#refill);
    const closed = new Promise<void>((done) => void this.#server.close(() => done()));
    for (const stream of [...this.#members, ...this.#strangers]) stream.socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    const { bounds, known, keys, counters } = this.#context;
    const address = withoutZone(socket.remoteAddress ?? '');
    const isKnown = known.has(address);
    if (isKnown && this.#members.size >= bounds.memberStreams) {
      counters.drop('too-many-streams');
      socket.destroy();
      return;
    }
    if (!isKnown && this.#strangers.size >= bounds.strangerStreams) {
      // The oldest: so those that say nothing don't keep others out.
      for (const oldest of this.#strangers) {
        counters.drop('too-many-streams');
        this.#end(oldest);
        oldest.socket.destroy();
        break;
      }
    }
    counters.streamsAccepted += 1;
    const stream: Accepted = {
      socket,
      address,
      isKnown,
      decoder: new StreamDecoder(keys.ring),
      timer: setTimeout(() => this.#fail(stream, 'timeout'), STREAM_TIMEOUT),
      held: 0,
      isDone: false,
    };
    this.#setOf(stream).add(stream);
    socket.on('error', () => this.#fail(stream, undefined));
    socket.on('close', () => this.#fail(stream, undefined));
    socket.on('end', () => {
      if (stream.isDone) return;
      this.#fail(stream, stream.held === 0 ? undefined : 'truncated');
    });
    socket.on('data', (chunk: Buffer) => this.#read(stream, chunk));
  }

  #setOf({ isKnown }: Accepted): Set<Accepted> {
    return isKnown ? this.#members : this.#strangers;
  }

  #bytesOf({ isKnown }: Accepted): StreamBytes {
    return isKnown ? this.#memberBytes : this.#strangerBytes;
  }

  #read(stream: Accepted, chunk: Buffer): void {
    if (stream.isDone) {
      // A stream has one message in each direction.
      this.#fail(stream, undefined);
      return;
    }
    const { counters, keys } = this.#context;
    counters.bytesReceived += chunk.length;
    if (!this.#bytesOf(stream).take(chunk.length)) {
      this.#fail(stream, 'too-many-bytes');
      return;
    }
    stream.held += chunk.length;
    if (!stream.isKnown) {
      this.#credit -= chunk.length;
      if (this.#credit < 0) {
        stream.socket.pause();
        this.#waiting.add(stream);
      }
    }
    const message = stream.decoder.push(chunk);
    if (message === undefined) return;
    if (isFault(message)) {
      this.#fail(stream, message);
      if (stream.isKnown) this.#receiver.streamUnreadable(stream.address, message);
      return;
    }
    keys.countReceived(stream.decoder.keyTag);
    this.#answer(stream, message);
  }

  #answer(stream: Accepted, message: MemberMessage): void {
    const content = fromStream(message);
    if (content === undefined) {
      this.#fail(stream, 'invalid-message');
      return;
    }
    // What was held is decoded, and the peer has to take the answer before the deadline.
    this.#giveBack(stream);
    stream.isDone = true;
    const answer = this.#receiver.messageArrived(content, stream.address);
    const { socket } = stream;
    if (answer === undefined) {
      socket.end();
      return;
    }
    const bytes = encoded(answer, this.#context.keys, false);
    if (bytes === undefined || !this.#bytesOf(stream).take(bytes.length)) {
      this.#fail(stream, 'too-many-bytes');
      return;
    }
    stream.held = bytes.length;
    this.#context.counters.bytesSent += bytes.length;
    socket.end(bytes);
  }

  #giveBack(stream: Accepted): void {
    this.#bytesOf(stream).giveBack(stream.held);
    stream.held = 0;
  }

  /** Ends a stream early; without a reason, if the other side did. */
  #fail(stream: Accepted, reason: string | undefined): void {
    if (!this.#end(stream)) return;
    if (reason !== undefined) {
      this.#context.counters.drop(reason);
      this.#context.counters.streamsFailed += 1;
    }
    stream.socket.destroy();
  }

  #end(stream: Accepted): boolean {
    if (!this.#setOf(stream).delete(stream)) return false;
    clearTimeout(stream.timer);
    this.#waiting.delete(stream);
    this.#giveBack(stream);
    stream.isDone = true;
    return true;
  }

  #resume(): void {
    this.#credit = this.#context.bounds.strangerStreamBytes;
    for (const stream of this.#waiting) stream.socket.resume();
    this.#waiting.clear();
  }
}
