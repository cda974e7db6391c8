/** What identifies the packets of a capture, to find them in a capture of another place. */
import { viewOf } from '../../memory/internal.js';
import { IpProtocol, type Layers, TCP_CHECKSUM, UDP_CHECKSUM, VXLAN_HEADER_LEN } from '../../wire/index.js';
import type { PacketStamp } from './packet-stamp.js';

/** Packets that a trace holds by default, at 25 bytes each. */
export const MAX_TRACE_PACKETS = 1 << 20;
/** Rows of a block of columns: a power of two. Blocks are added, so that nothing is copied when the trace grows. */
const BLOCK_BITS = 13;
const BLOCK_ROWS = 1 << BLOCK_BITS;
const IN_BLOCK = BLOCK_ROWS - 1;
/** Bytes that are hashed: the headers, and the beginning of the payload. Packets that are the same so far are told apart by time. */
const HASHED = 64;
/** Odd factors that mix well. The hashes need no secret: whoever makes packets collide fools only a diagnosis. */
const FIRST_FACTOR = 0x9e3779b1;
const SECOND_FACTOR = 0x85ebca6b;
/** Far from any offset. */
const NO_SKIP = -16;

/** What a packet of a trace is. */
export const TraceKind = { Esp: 0, Vxlan: 1, GossipUdp: 2, GossipTcp: 3 } as const;
export type TraceKind = (typeof TraceKind)[keyof typeof TraceKind];
/** Names of the kinds, for people. */
export const TRACE_KINDS = ['ESP', 'VXLAN', 'gossip over UDP', 'gossip over TCP'] as const;

/** Flag of a packet that offloads coalesce and segment: TCP with data. Both ends may show different packets. */
const SEGMENTED = 0x80;

/** Whether a byte of the column of kinds is one. */
export function isTraceKind(kind: number): boolean {
  return (kind & ~SEGMENTED) < TRACE_KINDS.length;
}

/** Columns of some packets. */
class Block {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly seconds: Float64Array;
  readonly numbers: Int32Array;
  readonly tunnels: Uint16Array;
  readonly lengths: Uint16Array;
  readonly kinds: Uint8Array;

  constructor(rows: number) {
    this.first = new Int32Array(rows);
    this.second = new Int32Array(rows);
    this.seconds = new Float64Array(rows);
    this.numbers = new Int32Array(rows);
    this.tunnels = new Uint16Array(rows);
    this.lengths = new Uint16Array(rows);
    this.kinds = new Uint8Array(rows);
  }

  /** Copies rows of other columns to a row and those after it. */
  set(at: number, from: Columns, begin: number, end: number): void {
    this.first.set(from.first.subarray(begin, end), at);
    this.second.set(from.second.subarray(begin, end), at);
    this.seconds.set(from.seconds.subarray(begin, end), at);
    this.numbers.set(from.numbers.subarray(begin, end), at);
    this.tunnels.set(from.tunnels.subarray(begin, end), at);
    this.lengths.set(from.lengths.subarray(begin, end), at);
    this.kinds.set(from.kinds.subarray(begin, end), at);
  }
}

/** Columns of packets: two hashes, time, packet number, direction, bytes and kind. */
interface Columns {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly seconds: Float64Array;
  readonly numbers: Int32Array;
  readonly tunnels: Uint16Array;
  readonly lengths: Uint16Array;
  readonly kinds: Uint8Array;
}

/** A trace as plain data: 25 bytes per packet. */
export interface TraceColumns extends Columns {
  /** Packets that didn't fit. */
  readonly unlisted: number;
  /** The addresses of both VTEPs by pair: directions 2 * i, from the first to the second, and 2 * i + 1. */
  readonly pairs: readonly (readonly [string, string])[];
}

/** The directions between VTEPs, by id: id and id ^ 1 are the two directions of a pair. */
export interface TracePairs {
  /** One more than the largest id. */
  readonly span: number;
  source(id: number): string;
  destination(id: number): string;
}

/** Directions of a trace that was sent. */
class SentPairs implements TracePairs {
  readonly #pairs: TraceColumns['pairs'];

  constructor(pairs: TraceColumns['pairs']) {
    this.#pairs = pairs;
  }

  get span(): number {
    return 2 * this.#pairs.length;
  }

  source(id: number): string {
    return this.#pairs[id >> 1][id & 1];
  }

  destination(id: number): string {
    return this.source(id ^ 1);
  }
}

/** The packets of a capture as columns. */
export class CaptureTrace {
  /** Packets that didn't fit: those after the last one here. */
  unlisted = 0;
  /** Number of packets. */
  size = 0;
  readonly pairs: TracePairs;
  readonly #limit: number;
  readonly #blocks: Block[] = [];
  #hash = 0;
  #other = 0;

  /**
   * @param pairs ids of the directions between VTEPs
   * @param limit maximum number of packets
   */
  constructor(pairs: TracePairs, limit: number) {
    this.pairs = pairs;
    this.#limit = limit;
  }

  /** A trace of what `columns` returned, which must be consistent: `readExamResult` checks it. No packet can be added. */
  static fromColumns(columns: TraceColumns): CaptureTrace {
    const size = columns.first.length;
    const trace = new CaptureTrace(new SentPairs(columns.pairs), size);
    for (let from = 0; from < size; from += BLOCK_ROWS) {
      const block = new Block(BLOCK_ROWS);
      block.set(0, columns, from, Math.min(size, from + BLOCK_ROWS));
      trace.#blocks.push(block);
    }
    trace.size = size;
    trace.unlisted = columns.unlisted;
    return trace;
  }

  /** A copy as plain data. */
  columns(): TraceColumns {
    const { size, unlisted, pairs } = this;
    const all = new Block(size);
    this.#blocks.forEach((block, i) => {
      const from = i << BLOCK_BITS;
      all.set(from, block, 0, Math.min(BLOCK_ROWS, size - from));
    });
    const { first, second, seconds, numbers, tunnels, lengths, kinds } = all;
    return {
      first,
      second,
      seconds,
      numbers,
      tunnels,
      lengths,
      kinds,
      unlisted,
      pairs: Array.from({ length: pairs.span / 2 }, (_, i) => [pairs.source(2 * i), pairs.destination(2 * i)] as const),
    };
  }

  /** Not part of JSON. */
  toJSON(): undefined {
    return undefined;
  }

  /** Adds an ESP packet: SPI, sequence number and the end of its IV are its own. */
  addEsp(stamp: PacketStamp, tunnel: number, spi: number, sequence: number, ivLow: number, length: number): void {
    this.#hash = Math.imul(spi ^ Math.imul(ivLow, FIRST_FACTOR), SECOND_FACTOR) ^ sequence;
    this.#other = spi ^ Math.imul(sequence, 0xc2b2ae35);
    this.#add(stamp, tunnel, TraceKind.Esp, length, 0);
  }

  /**
   * Adds a VXLAN packet: network and frame, without the transport's checksum, which the card may fill in.
   * @param frame offset of the frame
   * @param end end of its captured bytes
   * @param length bytes of the outer IP packet
   */
  addFrame(
    stamp: PacketStamp,
    tunnel: number,
    bytes: Uint8Array,
    frame: number,
    end: number,
    inner: Layers,
    length: number,
  ): void {
    let skip = NO_SKIP;
    let segmented = 0;
    if (inner.family !== 0 && !inner.isFragment) {
      if (inner.protocol === IpProtocol.Tcp) {
        skip = inner.transportOffset + TCP_CHECKSUM;
        if (inner.payloadEnd > inner.payloadOffset) segmented = SEGMENTED;
      } else if (inner.protocol === IpProtocol.Udp) skip = inner.transportOffset + UDP_CHECKSUM;
    }
    this.#hashBytes(bytes, frame - VXLAN_HEADER_LEN + 4, end, skip, length);
    this.#add(stamp, tunnel, TraceKind.Vxlan, length, segmented);
  }

  /** Adds gossip: its UDP payload, or its TCP header and payload without the checksum. */
  addGossip(stamp: PacketStamp, tunnel: number, bytes: Uint8Array, layers: Layers, end: number): void {
    const { protocol, transportOffset, payloadOffset, payloadEnd, networkEnd, networkOffset } = layers;
    const tcp = protocol === IpProtocol.Tcp;
    const stop = Math.min(end, payloadEnd);
    this.#hashBytes(
      bytes,
      tcp ? transportOffset : payloadOffset,
      stop,
      tcp ? transportOffset + TCP_CHECKSUM : NO_SKIP,
      0,
    );
    const segmented = tcp && payloadEnd > payloadOffset ? SEGMENTED : 0;
    this.#add(stamp, tunnel, tcp ? TraceKind.GossipTcp : TraceKind.GossipUdp, networkEnd - networkOffset, segmented);
  }

  first(row: number): number {
    return this.#blocks[row >> BLOCK_BITS].first[row & IN_BLOCK];
  }

  second(row: number): number {
    return this.#blocks[row >> BLOCK_BITS].second[row & IN_BLOCK];
  }

  /** Seconds since 1970; NaN if the packet has no time. */
  seconds(row: number): number {
    return this.#blocks[row >> BLOCK_BITS].seconds[row & IN_BLOCK];
  }

  /** Number of the packet. */
  number(row: number): number {
    return this.#blocks[row >> BLOCK_BITS].numbers[row & IN_BLOCK];
  }

  /** Id of the packet's direction. */
  tunnel(row: number): number {
    return this.#blocks[row >> BLOCK_BITS].tunnels[row & IN_BLOCK];
  }

  /** Bytes of the IP packet, at most 65,535. */
  length(row: number): number {
    return this.#blocks[row >> BLOCK_BITS].lengths[row & IN_BLOCK];
  }

  kind(row: number): TraceKind {
    return (this.#blocks[row >> BLOCK_BITS].kinds[row & IN_BLOCK] & ~SEGMENTED) as TraceKind;
  }

  /** Whether offloads may show the packet merged with others. */
  isSegmented(row: number): boolean {
    return (this.#blocks[row >> BLOCK_BITS].kinds[row & IN_BLOCK] & SEGMENTED) !== 0;
  }

  /** Hashes up to 64 bytes and a number; the two bytes at `skip` count as 0. */
  #hashBytes(bytes: Uint8Array, from: number, end: number, skip: number, length: number): void {
    const view = viewOf(bytes);
    const stop = Math.min(end, from + HASHED, bytes.length);
    let one = length;
    let two = length ^ FIRST_FACTOR;
    let at = from;
    for (; at + 4 <= stop; at += 4) {
      let word = view.getInt32(at);
      if (at > skip - 4 && at < skip + 2) word = without(word, skip - at);
      one = Math.imul(one ^ word, FIRST_FACTOR);
      one ^= one >>> 15;
      two = Math.imul(two ^ word, SECOND_FACTOR);
      two ^= two >>> 13;
    }
    if (at < stop) {
      const word = lastWord(bytes, at, stop);
      one = Math.imul(one ^ word, FIRST_FACTOR);
      two = Math.imul(two ^ word, SECOND_FACTOR);
    }
    this.#hash = one ^ (one >>> 16);
    this.#other = two ^ (two >>> 16);
  }

  #add({ number, seconds }: PacketStamp, tunnel: number, kind: TraceKind, length: number, flag: number): void {
    if (this.size === this.#limit) {
      this.unlisted++;
      return;
    }
    const at = this.size & IN_BLOCK;
    if (at === 0) this.#blocks.push(new Block(BLOCK_ROWS));
    const block = this.#blocks[this.size >> BLOCK_BITS];
    this.size++;
    block.first[at] = this.#hash ^ kind;
    block.second[at] = this.#other;
    block.seconds[at] = seconds;
    block.numbers[at] = number;
    block.tunnels[at] = tunnel;
    block.lengths[at] = Math.min(length, 0xffff);
    block.kinds[at] = kind | flag;
  }
}

function lastWord(bytes: Uint8Array, at: number, stop: number): number {
  let value = 0;
  for (let i = 0; i < 4; i++) value = (value << 8) | (at + i < stop ? bytes[at + i] : 0);
  return value;
}

/** A word with 0 in place of the 16-bit field that begins `at` bytes after its start: -1 to 3. */
function without(word: number, at: number): number {
  let mask = 0;
  for (let i = at; i < at + 2; i++) if (i >= 0 && i < 4) mask |= 0xff << (24 - 8 * i);
  return word & ~mask;
}
