/** Follows the TCP connections of gossip in a capture: one message in each direction. */
import { type GossipFault, type GossipKeyring, type MemberMessage, StreamDecoder } from '../../gossip/index.js';

const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
/** Maximum number of directions that are followed at the same time, and of bytes that all of them hold. */
const MAX_STREAMS = 1024;
const MAX_HELD = 64 * 1024 * 1024;
/** Maximum number of segments of one direction that wait for an earlier one. */
const MAX_EARLY = 256;

interface Stream {
  decoder: StreamDecoder;
  /** Sequence number of the next byte. */
  next: number;
  /** Bytes that the decoder holds. */
  held: number;
  /** Segments that came before an earlier one, by sequence number. */
  early: Map<number, Uint8Array>;
  done: boolean;
}

/** What became of a direction of a connection. */
export interface FollowedStream {
  readonly message: MemberMessage | GossipFault;
  readonly keyTag: number | undefined;
}

/** Reassembles the directions, each in order, and decodes what they carry. */
export class GossipStreams {
  /** Directions that ended, or were given up, before their message was complete. */
  incomplete = 0;
  readonly #streams = new Map<string, Stream>();
  readonly #keys: GossipKeyring;
  #held = 0;

  constructor(keys: GossipKeyring) {
    this.#keys = keys;
  }

  /** Directions whose message is not complete yet. */
  get open(): number {
    let count = 0;
    for (const { done, held } of this.#streams.values()) if (!done && held > 0) count++;
    return count;
  }

  /**
   * Adds a segment.
   * @param name of the direction: addresses and ports
   * @returns the message that it completes
   */
  add(name: string, sequence: number, flags: number, payload: Uint8Array): FollowedStream | undefined {
    if ((flags & SYN) !== 0) this.#start(name, (sequence + 1) | 0);
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      if (payload.length === 0) return undefined;
      stream = this.#start(name, sequence | 0);
    }
    const result = stream.done || payload.length === 0 ? undefined : this.#take(stream, sequence | 0, payload);
    if (result !== undefined) this.#finish(stream);
    if ((flags & (FIN | RST)) !== 0 && !stream.done && stream.early.size === 0) this.#giveUp(name, stream);
    return result;
  }

  #start(name: string, next: number): Stream {
    const before = this.#streams.get(name);
    if (before !== undefined) this.#giveUp(name, before);
    for (const [oldest, stream] of this.#streams) {
      if (this.#streams.size < MAX_STREAMS && this.#held < MAX_HELD) break;
      this.#giveUp(oldest, stream);
    }
    const stream = { decoder: this.#decoder(), next, held: 0, early: new Map<number, Uint8Array>(), done: false };
    this.#streams.set(name, stream);
    return stream;
  }

  #decoder(): StreamDecoder {
    return new StreamDecoder(this.#keys, { anyLabel: true });
  }

  #take(stream: Stream, sequence: number, payload: Uint8Array): FollowedStream | undefined {
    const { decoder } = stream;
    let at = sequence;
    let bytes: Uint8Array | undefined = payload;
    while (bytes !== undefined) {
      const ahead = (at - stream.next) | 0;
      if (ahead > 0) {
        this.#keep(stream, at, bytes);
        return undefined;
      }
      const rest = bytes.subarray(-ahead);
      stream.next = (stream.next + rest.length) | 0;
      this.#hold(stream, rest.length);
      const message = decoder.push(rest);
      if (message !== undefined) return { message, keyTag: decoder.keyTag };
      at = this.#nextEarly(stream);
      bytes = stream.early.get(at);
      if (bytes !== undefined) {
        stream.early.delete(at);
        this.#hold(stream, -bytes.length);
      }
    }
    return undefined;
  }

  /** Keeps a segment that came before an earlier one. */
  #keep(stream: Stream, sequence: number, payload: Uint8Array): void {
    if (stream.early.size >= MAX_EARLY || stream.early.has(sequence)) return;
    stream.early.set(sequence, new Uint8Array(payload));
    this.#hold(stream, payload.length);
  }

  /** Sequence number of an early segment whose turn has come, or any number that none has. */
  #nextEarly({ early, next }: Stream): number {
    for (const sequence of early.keys()) if (((sequence - next) | 0) <= 0) return sequence;
    return Number.NaN;
  }

  #hold(stream: Stream, bytes: number): void {
    stream.held += bytes;
    this.#held += bytes;
  }

  /** Forgets what a direction held; more of it is ignored. */
  #finish(stream: Stream): void {
    stream.done = true;
    this.#hold(stream, -stream.held);
    stream.early.clear();
    stream.decoder = IDLE;
  }

  #giveUp(name: string, stream: Stream): void {
    if (!stream.done && stream.held > 0) this.incomplete++;
    this.#hold(stream, -stream.held);
    this.#streams.delete(name);
  }
}

/** Of directions that are done. */
const IDLE = new StreamDecoder(undefined);
