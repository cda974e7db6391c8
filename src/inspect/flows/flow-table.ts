/** The table of conversations: what each side sent, in typed columns. */
import { VtepError } from '../../error.js';
import { putWord } from '../../memory/internal.js';
import {
  formatIp,
  HeaderError,
  IpProtocol,
  type Layers,
  TCP_HEADER_LEN,
  TcpFlag,
  UDP_HEADER_LEN,
} from '../../wire/index.js';
import { wholeNanoseconds } from '../capture-clock.js';
import type { Conversation, ConversationSide } from './conversation.js';
import { ConversationIndex } from './conversation-index.js';
import type { FlowAccounting, OutsidePackets } from './flow-accounting.js';
import { FragmentFlows } from './fragment-flows.js';
import { conversationProtocol, hasPorts } from './protocol.js';
import { TcpAnalysis } from './tcp-analysis.js';

/** Default maximum number of conversations. */
export const MAX_CONVERSATIONS = 65_536;
const FIRST_ROWS = 64;

// Counts of a side.
const PACKETS = 0;
const BYTES = 1;
const PAYLOAD_BYTES = 2;
const LATER_FRAGMENTS = 3;
const SIDE_COUNTS = 4;
/** Counts of a row: those of both sides. */
const ROW_COUNTS = 2 * SIDE_COUNTS;

// Words of a row; the addresses take four each.
const VNI = 0;
const KIND = 1;
const PORTS = 2;
const FIRST_SENDER = 3;
const ADDRESSES = 4;
const ROW_WORDS = ADDRESSES + 8;

const PORTS_LEN = 4;
const NANO = 1e9;

/** Options of a flow table. */
export interface FlowTableOptions {
  /**
   * Maximum number of conversations, at about 350 bytes each. Packets of further ones are only counted.
   * @default 65536
   */
  readonly maxConversations?: number | undefined;
}

/**
 * A bounded table of conversations, keyed by VNI, addresses, ports and protocol. It takes parsed packets one by one,
 * and allocates only when it grows.
 *
 * Later fragments belong to the conversation of their first fragment, if that came before them in the last 30 seconds.
 */
export class FlowTable {
  readonly #limit: number;
  readonly #index: ConversationIndex;
  readonly #fragments = new FragmentFlows();
  readonly #tcp: TcpAnalysis;
  /** Row by id of the index; a TCP connection that reuses ports gets a new row. */
  readonly #rowOf: number[][] = [[], []];
  #capacity: number;
  #rows = 0;
  #counts: Float64Array;
  #words: Int32Array;
  /** Offsets of each row's earliest and latest packet from the first packet's time, in seconds. */
  #times: Float64Array;
  #firstSeconds = Number.NaN;
  #firstNanoseconds = 0;
  #packets = 0;
  #withoutIp = 0;
  #unreadable = 0;
  #strayFragments = 0;
  #unlisted = 0;

  /** @throws VtepError `BAD_INDEX` for a limit that isn't an integer from 1 to 2^24 */
  constructor(options: FlowTableOptions = {}) {
    const limit = options.maxConversations ?? MAX_CONVERSATIONS;
    if (!Number.isInteger(limit) || limit < 1 || limit > 1 << 24) {
      throw new VtepError('BAD_INDEX', `a flow table holds 1 to ${1 << 24} conversations, not ${limit}`);
    }
    this.#limit = limit;
    this.#index = new ConversationIndex(limit);
    this.#capacity = Math.min(FIRST_ROWS, limit);
    this.#tcp = new TcpAnalysis(this.#capacity);
    this.#counts = new Float64Array(this.#capacity * ROW_COUNTS);
    this.#words = new Int32Array(this.#capacity * ROW_WORDS);
    this.#times = new Float64Array(this.#capacity * 2).fill(Number.NaN);
  }

  /** Number of conversations. */
  get size(): number {
    return this.#rows;
  }

  /** Where the packets went. */
  get accounting(): FlowAccounting {
    const outside = this.#withoutIp + this.#unreadable + this.#strayFragments + this.#unlisted;
    return {
      packets: this.#packets,
      inConversations: this.#packets - outside,
      withoutIp: this.#withoutIp,
      unreadable: this.#unreadable,
      strayFragments: this.#strayFragments,
      unlisted: this.#unlisted,
    };
  }

  /**
   * Counts a packet.
   * @param vni VNI of its network, or -1
   * @param bytes the bytes that `layers` refers to
   * @param layers its parsed headers
   * @param end end of the captured bytes
   * @param length bytes of its frame on the wire
   * @param seconds whole seconds of its time since 1970; NaN if it has none
   * @param nanoseconds the rest of its time
   * @param parts number of fragments that it was reassembled from; `length` is the sum of their frames
   */
  add(
    vni: number,
    bytes: Uint8Array,
    layers: Layers,
    end: number,
    length: number,
    seconds: number,
    nanoseconds: number,
    parts = 1,
  ): void {
    this.#packets += parts;
    if (layers.headerError !== HeaderError.None) {
      this.#unreadable += parts;
      return;
    }
    if (layers.family === 0) {
      this.#withoutIp += parts;
      return;
    }
    if (Number.isNaN(this.#firstSeconds) && !Number.isNaN(seconds)) {
      this.#firstSeconds = seconds;
      this.#firstNanoseconds = nanoseconds;
    }
    // NaN for a packet without a time.
    const time = seconds - this.#firstSeconds + (nanoseconds - this.#firstNanoseconds) / NANO;
    if (layers.isFragment) {
      this.#addFragment(vni, bytes, layers, end, length, time);
      return;
    }
    const { protocol } = layers;
    const at = layers.transportOffset;
    let source = layers.sourcePort;
    let destination = layers.destinationPort;
    let payload = layers.payloadEnd - layers.payloadOffset;
    if (protocol !== IpProtocol.Tcp && protocol !== IpProtocol.Udp) {
      payload = Math.max(0, layers.networkEnd - at);
      source = 0;
      destination = 0;
      if (protocol === IpProtocol.Sctp) {
        if (at + PORTS_LEN > Math.min(end, layers.networkEnd)) {
          this.#unreadable += parts;
          return;
        }
        source = (bytes[at] << 8) | bytes[at + 1];
        destination = (bytes[at + 2] << 8) | bytes[at + 3];
      }
    }
    let row = this.#row(vni, bytes, layers, source, destination);
    if (row < 0) {
      this.#unlisted += parts;
      return;
    }
    const { direction } = this.#index;
    if (protocol === IpProtocol.Tcp) row = this.#addSegment(row, direction, bytes, at, payload, time);
    this.#count(row, direction, parts, length, payload, time);
    if (parts > 1) this.#counts[row * ROW_COUNTS + direction * SIDE_COUNTS + LATER_FRAGMENTS] += parts - 1;
  }

  /**
   * Adds packets that are in no conversation, counted elsewhere.
   * @internal
   */
  addOutside({ withoutIp, unreadable }: OutsidePackets): void {
    this.#packets += withoutIp + unreadable;
    this.#withoutIp += withoutIp;
    this.#unreadable += unreadable;
  }

  /** Every conversation, in the order of their first packets in the capture. */
  conversations(): Conversation[] {
    return Array.from({ length: this.#rows }, (_, row) => this.#conversation(row));
  }

  #addFragment(vni: number, bytes: Uint8Array, layers: Layers, end: number, length: number, time: number): void {
    const { family, protocol, identification, addressOffset } = layers;
    const at = layers.transportOffset;
    const inIp = Math.max(0, layers.networkEnd - at);
    const ported = hasPorts(protocol);
    if (ported && layers.fragmentOffset > 0) {
      const flow = this.#fragments.find(vni, family, protocol, identification, bytes, addressOffset, time);
      if (flow < 0) {
        this.#strayFragments++;
        return;
      }
      this.#countFragment(flow >> 1, (flow & 1) as 0 | 1, length, inIp, time);
      return;
    }
    if (ported && at + PORTS_LEN > Math.min(end, layers.networkEnd)) {
      this.#unreadable++;
      return;
    }
    const source = ported ? (bytes[at] << 8) | bytes[at + 1] : 0;
    const destination = ported ? (bytes[at + 2] << 8) | bytes[at + 3] : 0;
    const row = this.#row(vni, bytes, layers, source, destination);
    if (row < 0) {
      this.#unlisted++;
      return;
    }
    const { direction } = this.#index;
    if (layers.fragmentOffset > 0) {
      this.#countFragment(row, direction, length, inIp, time);
      return;
    }
    let header = 0;
    if (protocol === IpProtocol.Udp) header = UDP_HEADER_LEN;
    else if (protocol === IpProtocol.Tcp) {
      header = at + TCP_HEADER_LEN <= end ? (bytes[at + 12] >>> 4) * 4 : TCP_HEADER_LEN;
    }
    this.#count(row, direction, 1, length, Math.max(0, inIp - header), time);
    if (ported) {
      this.#fragments.add(vni, family, protocol, identification, bytes, addressOffset, row * 2 + direction, time);
    }
  }

  #countFragment(row: number, side: 0 | 1, length: number, payload: number, time: number): void {
    this.#count(row, side, 1, length, payload, time);
    this.#counts[row * ROW_COUNTS + side * SIDE_COUNTS + LATER_FRAGMENTS]++;
  }

  /** @returns the row, which is another one if the segment opens another connection */
  #addSegment(row: number, side: 0 | 1, bytes: Uint8Array, at: number, payload: number, time: number): number {
    const sequence = (bytes[at + 4] << 24) | (bytes[at + 5] << 16) | (bytes[at + 6] << 8) | bytes[at + 7];
    const acknowledgment = (bytes[at + 8] << 24) | (bytes[at + 9] << 16) | (bytes[at + 10] << 8) | bytes[at + 11];
    const flags = bytes[at + 13];
    const window = (bytes[at + 14] << 8) | bytes[at + 15];
    const opens = (flags & (TcpFlag.Syn | TcpFlag.Ack)) === TcpFlag.Syn;
    const owner = opens && this.#tcp.isAnother(row, side, sequence) ? this.#reopen(row, side) : row;
    this.#tcp.add(owner, side, sequence, acknowledgment, flags, window, payload, time);
    return owner;
  }

  #count(row: number, side: 0 | 1, packets: number, length: number, payload: number, time: number): void {
    const counts = this.#counts;
    const at = row * ROW_COUNTS + side * SIDE_COUNTS;
    counts[at + PACKETS] += packets;
    counts[at + BYTES] += length;
    counts[at + PAYLOAD_BYTES] += payload;
    const times = this.#times;
    // False for a packet without a time, and in a new row.
    if (time > times[2 * row + 1]) times[2 * row + 1] = time;
    else if (!(time >= times[2 * row])) this.#takeEarlier(row, time);
  }

  #takeEarlier(row: number, time: number): void {
    if (Number.isNaN(time)) return;
    this.#times[2 * row] = time;
    if (Number.isNaN(this.#times[2 * row + 1])) this.#times[2 * row + 1] = time;
  }

  /** The row of a packet's conversation, which is added if it is new; -1 if the table is full. */
  #row(vni: number, bytes: Uint8Array, layers: Layers, source: number, destination: number): number {
    const { family, protocol, addressOffset } = layers;
    const index = this.#index;
    const id = index.add(vni, family, protocol, bytes, addressOffset, source, destination);
    if (id < 0) return -1;
    const rows = this.#rowOf[id & 1];
    if (id >> 1 < rows.length) return rows[id >> 1];
    if (this.#rows === this.#limit) {
      index.delete(id);
      return -1;
    }
    const row = this.#addRow();
    rows.push(row);
    const words = this.#words;
    const at = row * ROW_WORDS;
    const { direction } = index;
    words[at + VNI] = vni;
    words[at + KIND] = (family << 8) | protocol;
    words[at + PORTS] = direction === 0 ? (source << 16) | destination : (destination << 16) | source;
    words[at + FIRST_SENDER] = direction;
    for (let i = 0; i < 8; i++) words[at + ADDRESSES + i] = index.addressWord(id, (i >> 2) as 0 | 1, i & 3);
    return row;
  }

  /**
   * A row for a new connection with the addresses and ports of an old one, whose conversation was looked up last. If the
   * table is full, it is the old row.
   */
  #reopen(old: number, side: 0 | 1): number {
    if (this.#rows === this.#limit) {
      this.#tcp.restart(old);
      return old;
    }
    const row = this.#addRow();
    this.#words.copyWithin(row * ROW_WORDS, old * ROW_WORDS, (old + 1) * ROW_WORDS);
    this.#words[row * ROW_WORDS + FIRST_SENDER] = side;
    this.#rowOf[this.#index.last & 1][this.#index.last >> 1] = row;
    return row;
  }

  #addRow(): number {
    if (this.#rows === this.#capacity) this.#grow();
    return this.#rows++;
  }

  #grow(): void {
    const capacity = Math.min(2 * this.#capacity, this.#limit);
    const counts = new Float64Array(capacity * ROW_COUNTS);
    const words = new Int32Array(capacity * ROW_WORDS);
    const times = new Float64Array(capacity * 2).fill(Number.NaN);
    counts.set(this.#counts);
    words.set(this.#words);
    times.set(this.#times);
    this.#capacity = capacity;
    this.#counts = counts;
    this.#words = words;
    this.#times = times;
    this.#tcp.grow(capacity);
  }

  #conversation(row: number): Conversation {
    const words = this.#words;
    const at = row * ROW_WORDS;
    const protocolNumber = words[at + KIND] & 0xff;
    const opener = this.#tcp.opener(row);
    const first = opener >= 0 ? opener : words[at + FIRST_SENDER];
    const a = this.#side(row, first === 0 ? 0 : 1);
    const b = this.#side(row, first === 0 ? 1 : 0);
    const bytes = a.bytes + b.bytes;
    const start = this.#times[2 * row];
    const timed = !Number.isNaN(start);
    const duration = timed ? this.#times[2 * row + 1] - start : 0;
    return {
      vni: words[at + VNI] < 0 ? null : words[at + VNI],
      protocol: conversationProtocol(protocolNumber),
      protocolNumber,
      family: words[at + KIND] >> 8 === 4 ? 4 : 6,
      a,
      b,
      packets: a.packets + b.packets,
      bytes,
      startNanoseconds: timed ? this.#nanosecondsAt(start) : null,
      durationSeconds: wholeNanoseconds(duration),
      bitsPerSecond: duration > 0 ? (8 * bytes) / duration : null,
      rttSeconds: secondsOrNull(this.#tcp.rtt(row)),
      serverRttSeconds: secondsOrNull(this.#tcp.serverRtt(row)),
      clientRttSeconds: secondsOrNull(this.#tcp.clientRtt(row)),
      retransmissions: a.retransmissions + b.retransmissions,
      resets: a.resets + b.resets,
      zeroWindows: a.zeroWindows + b.zeroWindows,
    };
  }

  #side(row: number, side: 0 | 1): ConversationSide {
    const tcp = this.#tcp;
    const words = this.#words;
    const at = row * ROW_WORDS;
    const counts = row * ROW_COUNTS + side * SIDE_COUNTS;
    const family = words[at + KIND] >> 8;
    const address = new Uint8Array(16);
    for (let i = 0; i < 4; i++) putWord(address, 4 * i, words[at + ADDRESSES + 4 * side + i]);
    const port = side === 0 ? words[at + PORTS] >>> 16 : words[at + PORTS] & 0xffff;
    return {
      address: formatIp(family, address, 0),
      port: hasPorts(words[at + KIND] & 0xff) ? port : null,
      packets: this.#counts[counts + PACKETS],
      bytes: this.#counts[counts + BYTES],
      payloadBytes: this.#counts[counts + PAYLOAD_BYTES],
      laterFragments: this.#counts[counts + LATER_FRAGMENTS],
      tcpFlags: tcp.flags(row, side),
      retransmissions: tcp.retransmissions(row, side),
      fastRetransmissions: tcp.fastRetransmissions(row, side),
      resets: tcp.resets(row, side),
      zeroWindows: tcp.zeroWindows(row, side),
    };
  }

  #nanosecondsAt(offset: number): bigint {
    const nanoseconds = this.#firstNanoseconds + Math.round(offset * NANO);
    return BigInt(this.#firstSeconds) * BigInt(NANO) + BigInt(nanoseconds);
  }
}

function secondsOrNull(seconds: number): number | null {
  return Number.isNaN(seconds) ? null : wholeNanoseconds(seconds);
}
