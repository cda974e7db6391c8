/**
 * What a TCP connection went through, from its segments alone: handshake, retransmissions, resets, zero windows.
 *
 * Retransmissions follow the rules of Wireshark's `tcp.analysis.retransmission`, so that both report the same. A segment
 * with data, SYN or FIN that doesn't start at or after the next expected sequence number is one of:
 * - a keep-alive or zero-window probe: not counted;
 * - a spurious retransmission, if the receiver has acknowledged all of it already: counted;
 * - a fast retransmission, if the receiver has sent at least two duplicate acknowledgments for exactly its start, the
 *   last one within 20 ms: counted;
 * - out of order, if it came within the handshake's RTT (3 ms if unknown) of the segment with the highest sequence
 *   number and doesn't end where that ends: not counted;
 * - otherwise a retransmission: counted.
 *
 * The only known difference: after an acknowledgment of data that the capture lacks, Wireshark (4.0) takes any
 * repetition of the acknowledged number for a fast retransmission, which here needs two duplicate acknowledgments.
 */
import { TcpFlag } from '../../wire/index.js';

// Words of a side.
const BASE = 0;
const NEXT = 1;
const ACKED = 2;
const WINDOW = 3;
const DUPLICATE_ACKS = 4;
const STATE = 5;
const FLAGS = 6;
const RETRANSMISSIONS = 7;
const FAST_RETRANSMISSIONS = 8;
const ZERO_WINDOWS = 9;
const RESETS = 10;
const SIDE_WORDS = 11;
/** Words of a connection: those of its sides, how far its handshake is, and 1 + the side that opened it. */
const HANDSHAKE = 2 * SIDE_WORDS;
const OPENER = HANDSHAKE + 1;
const ROW_WORDS = OPENER + 1;

// Times of a connection, and after them those of each side.
const SYN_TIME = 0;
const SYN_ACK_TIME = 1;
const ACK_TIME = 2;
const SIDE_TIMES_AT = 3;
const NEXT_TIME = 0;
const ACKED_TIME = 1;
const SIDE_TIMES = 2;
const ROW_TIMES = SIDE_TIMES_AT + 2 * SIDE_TIMES;

/** Bits of STATE. */
const State = {
  /** BASE, the initial sequence number, is known. */
  Base: 1,
  /** NEXT is known. */
  Next: 2,
  /** ACKED is known. */
  Acked: 4,
  /** The last segment was a keep-alive. */
  KeepAlive: 8,
  /** The last segment was a zero-window probe. */
  Probe: 16,
} as const;
const LAST_SEGMENT = State.KeepAlive | State.Probe;

/** Values of HANDSHAKE. */
const Handshake = { None: 0, Syn: 1, SynAck: 2, Done: 3 } as const;

const CONNECTION_FLAGS = TcpFlag.Syn | TcpFlag.Fin | TcpFlag.Rst;
/** Flags that take a sequence number. */
const NUMBERED_FLAGS = TcpFlag.Syn | TcpFlag.Fin;
const FAST_RETRANSMISSION_SECONDS = 0.02;
const REORDERING_SECONDS = 0.003;
const FAST_DUPLICATE_ACKS = 2;

/** State of connections by row, in typed arrays. Sides are numbered 0 and 1. */
export class TcpAnalysis {
  #words: Int32Array;
  #times: Float64Array;

  /** @param rows number of rows to begin with */
  constructor(rows: number) {
    this.#words = new Int32Array(rows * ROW_WORDS);
    this.#times = new Float64Array(rows * ROW_TIMES);
  }

  /** Makes room for more rows. */
  grow(rows: number): void {
    const words = new Int32Array(rows * ROW_WORDS);
    const times = new Float64Array(rows * ROW_TIMES);
    words.set(this.#words);
    times.set(this.#times);
    this.#words = words;
    this.#times = times;
  }

  /** Forgets a row and its counts. */
  clear(row: number): void {
    this.#words.fill(0, row * ROW_WORDS, (row + 1) * ROW_WORDS);
    this.#times.fill(0, row * ROW_TIMES, (row + 1) * ROW_TIMES);
  }

  /** Whether a SYN (without ACK) starts another connection: its sequence number isn't the initial one of the row's. */
  isAnother(row: number, side: 0 | 1, sequence: number): boolean {
    const at = row * ROW_WORDS + side * SIDE_WORDS;
    return (this.#words[at + STATE] & State.Base) !== 0 && this.#words[at + BASE] !== (sequence | 0);
  }

  /** Forgets a row's sequence numbers and handshake, for another connection; its counts remain. */
  restart(row: number): void {
    const words = this.#words;
    const at = row * ROW_WORDS;
    for (let side = 0; side < 2; side++) {
      words[at + side * SIDE_WORDS + STATE] = 0;
      words[at + side * SIDE_WORDS + ACKED] = 0;
      words[at + side * SIDE_WORDS + DUPLICATE_ACKS] = 0;
    }
    words[at + HANDSHAKE] = Handshake.None;
    words[at + OPENER] = 0;
  }

  /**
   * Takes a segment.
   * @param side its sender
   * @param sequence its sequence number; `acknowledgment`: its acknowledgment number; both as 32 bits of either sign
   * @param flags bits of `TcpFlag`
   * @param window receive window as in the header
   * @param length bytes of payload
   * @param seconds its time, from any fixed origin; NaN if unknown
   */
  add(
    row: number,
    side: 0 | 1,
    sequence: number,
    acknowledgment: number,
    flags: number,
    window: number,
    length: number,
    seconds: number,
  ): void {
    const words = this.#words;
    const at = row * ROW_WORDS + side * SIDE_WORDS;
    const other = row * ROW_WORDS + (1 - side) * SIDE_WORDS;
    words[at + FLAGS] |= flags;
    if ((flags & TcpFlag.Rst) !== 0) words[at + RESETS]++;
    this.#handshake(row, side, acknowledgment, flags, seconds);
    this.#initialNumbers(at, other, sequence, acknowledgment, flags);

    const state = words[at + STATE];
    const nextKnown = (state & State.Next) !== 0;
    const expected = nextKnown && words[at + NEXT] === (sequence | 0);
    const plain = (flags & CONNECTION_FLAGS) === 0;
    const otherWindowClosed = (words[other + STATE] & State.Acked) !== 0 && words[other + WINDOW] === 0;
    let last = 0;
    if (length === 1 && expected && otherWindowClosed) last = State.Probe;
    else {
      if (window === 0 && plain) words[at + ZERO_WINDOWS]++;
      if (length <= 1 && plain && nextKnown && words[at + NEXT] - 1 === (sequence | 0)) last = State.KeepAlive;
      if (length === 0 && plain && expected) this.#duplicateAck(at, other, acknowledgment, window);
    }
    if ((state & State.Acked) === 0 || words[at + ACKED] !== (acknowledgment | 0)) words[at + DUPLICATE_ACKS] = 0;
    if ((length > 0 || (flags & NUMBERED_FLAGS) !== 0) && last !== State.KeepAlive) {
      this.#retransmission(row, side, sequence, flags, length, seconds);
    }

    const end = (sequence + length + ((flags & NUMBERED_FLAGS) === 0 ? 0 : 1)) | 0;
    const sideTimes = row * ROW_TIMES + SIDE_TIMES_AT + side * SIDE_TIMES;
    if (last !== State.Probe && (!nextKnown || ((end - words[at + NEXT]) | 0) > 0)) {
      words[at + NEXT] = end;
      this.#times[sideTimes + NEXT_TIME] = seconds;
      words[at + STATE] |= State.Next;
    }
    words[at + WINDOW] = window;
    words[at + ACKED] = acknowledgment;
    this.#times[sideTimes + ACKED_TIME] = seconds;
    words[at + STATE] = (words[at + STATE] & ~LAST_SEGMENT) | State.Acked | last;
  }

  /** Every flag that a side set. */
  flags(row: number, side: 0 | 1): number {
    return this.#words[row * ROW_WORDS + side * SIDE_WORDS + FLAGS];
  }

  retransmissions(row: number, side: 0 | 1): number {
    return this.#words[row * ROW_WORDS + side * SIDE_WORDS + RETRANSMISSIONS];
  }

  fastRetransmissions(row: number, side: 0 | 1): number {
    return this.#words[row * ROW_WORDS + side * SIDE_WORDS + FAST_RETRANSMISSIONS];
  }

  resets(row: number, side: 0 | 1): number {
    return this.#words[row * ROW_WORDS + side * SIDE_WORDS + RESETS];
  }

  zeroWindows(row: number, side: 0 | 1): number {
    return this.#words[row * ROW_WORDS + side * SIDE_WORDS + ZERO_WINDOWS];
  }

  /** The side that opened the connection; -1 if neither SYN nor SYN/ACK was seen. */
  opener(row: number): -1 | 0 | 1 {
    return (this.#words[row * ROW_WORDS + OPENER] - 1) as -1 | 0 | 1;
  }

  /** Seconds from the SYN to the SYN/ACK; NaN if unknown. */
  serverRtt(row: number): number {
    const at = row * ROW_TIMES;
    return this.#reached(row, Handshake.SynAck)
      ? this.#times[at + SYN_ACK_TIME] - this.#times[at + SYN_TIME]
      : Number.NaN;
  }

  /** Seconds from the SYN/ACK to the ACK; NaN if unknown. */
  clientRtt(row: number): number {
    const at = row * ROW_TIMES;
    return this.#reached(row, Handshake.Done)
      ? this.#times[at + ACK_TIME] - this.#times[at + SYN_ACK_TIME]
      : Number.NaN;
  }

  /** Seconds from the SYN to the ACK that completes the handshake; NaN if unknown. */
  rtt(row: number): number {
    const at = row * ROW_TIMES;
    return this.#reached(row, Handshake.Done) ? this.#times[at + ACK_TIME] - this.#times[at + SYN_TIME] : Number.NaN;
  }

  #reached(row: number, handshake: number): boolean {
    return this.#words[row * ROW_WORDS + HANDSHAKE] >= handshake;
  }

  /** Times of the last SYN, of the last SYN/ACK that answers it, and of the first ACK of that. */
  #handshake(row: number, side: 0 | 1, acknowledgment: number, flags: number, seconds: number): void {
    const words = this.#words;
    const connection = row * ROW_WORDS;
    const handshake = words[connection + HANDSHAKE];
    if (handshake === Handshake.Done) return;
    const other = connection + (1 - side) * SIDE_WORDS;
    const times = row * ROW_TIMES;
    switch (flags & (TcpFlag.Syn | TcpFlag.Ack | TcpFlag.Rst)) {
      case TcpFlag.Syn:
        words[connection + HANDSHAKE] = Handshake.Syn;
        words[connection + OPENER] = 1 + side;
        this.#times[times + SYN_TIME] = seconds;
        break;
      case TcpFlag.Syn | TcpFlag.Ack:
        if (words[connection + OPENER] === 0) words[connection + OPENER] = 2 - side;
        if (handshake === Handshake.None || words[connection + OPENER] !== 2 - side) break;
        if (words[other + BASE] !== ((acknowledgment - 1) | 0)) break;
        words[connection + HANDSHAKE] = Handshake.SynAck;
        this.#times[times + SYN_ACK_TIME] = seconds;
        break;
      case TcpFlag.Ack:
        if (handshake !== Handshake.SynAck || words[connection + OPENER] !== 1 + side) break;
        if (words[other + BASE] !== ((acknowledgment - 1) | 0)) break;
        words[connection + HANDSHAKE] = Handshake.Done;
        this.#times[times + ACK_TIME] = seconds;
        break;
      default:
    }
  }

  /** Learns the initial sequence numbers of both sides; without the SYN, the number before the first one seen. */
  #initialNumbers(at: number, other: number, sequence: number, acknowledgment: number, flags: number): void {
    const words = this.#words;
    if ((words[at + STATE] & State.Base) === 0) {
      words[at + BASE] = (flags & TcpFlag.Syn) !== 0 ? sequence : sequence - 1;
      words[at + STATE] |= State.Base;
    }
    if ((flags & TcpFlag.Ack) !== 0 && (words[other + STATE] & State.Base) === 0) {
      words[other + BASE] = acknowledgment - 1;
      words[other + STATE] |= State.Base;
    }
  }

  /** Counts an empty segment at the expected number that repeats acknowledgment and window, unless it answers a keep-alive. */
  #duplicateAck(at: number, other: number, acknowledgment: number, window: number): void {
    const words = this.#words;
    if ((words[at + STATE] & State.Acked) === 0 || (words[other + STATE] & State.KeepAlive) !== 0) return;
    if (window === 0 || window !== words[at + WINDOW] || words[at + ACKED] !== (acknowledgment | 0)) return;
    words[at + DUPLICATE_ACKS]++;
  }

  #retransmission(row: number, side: 0 | 1, sequence: number, flags: number, length: number, seconds: number): void {
    const words = this.#words;
    const at = row * ROW_WORDS + side * SIDE_WORDS;
    const other = row * ROW_WORDS + (1 - side) * SIDE_WORDS;
    const times = row * ROW_TIMES + SIDE_TIMES_AT;
    const acked = words[other + ACKED];
    if (length > 0 && acked !== 0 && ((sequence + length - acked) | 0) <= 0) {
      words[at + RETRANSMISSIONS]++;
      return;
    }
    if ((words[at + STATE] & State.Next) === 0) return;
    const next = words[at + NEXT];
    const behind = (next - sequence) | 0;
    // One byte behind with more than one byte: new data after a zero-window probe.
    if (behind <= 0 || (behind === 1 && length > 1)) return;
    const sinceAck = seconds - this.#times[times + (1 - side) * SIDE_TIMES + ACKED_TIME];
    if (
      words[other + DUPLICATE_ACKS] >= FAST_DUPLICATE_ACKS &&
      acked === (sequence | 0) &&
      sinceAck < FAST_RETRANSMISSION_SECONDS
    ) {
      words[at + RETRANSMISSIONS]++;
      words[at + FAST_RETRANSMISSIONS]++;
      return;
    }
    const end = (sequence + length + ((flags & NUMBERED_FLAGS) === 0 ? 0 : 1)) | 0;
    const rtt = this.rtt(row);
    const sinceNext = seconds - this.#times[times + side * SIDE_TIMES + NEXT_TIME];
    if (next !== end && sinceNext < (rtt > 0 ? rtt : REORDERING_SECONDS)) return;
    words[at + RETRANSMISSIONS]++;
  }
}
