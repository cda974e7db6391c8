/**
 * TCP connections that stall: retransmissions, large segments that never arrive, silence followed by a reset. All state is
 * in typed arrays by connection; objects are made in reports, of the connections that show something.
 */
import { getWord, KeyIndex } from '../../memory/internal.js';
import { type Layers, TcpFlag } from '../../wire/index.js';
import type { InnerOccurrence, Occurrence } from '../evidence/capture.js';
import type { AddressPairs } from './address-pairs.js';
import { EventTable } from './event-table.js';
import { NEVER } from './occurrence-columns.js';
import type { PacketStamp } from './packet-stamp.js';
import { StormWatch } from './storm-watch.js';

/** Connections that are followed. */
export const MAX_CONNECTIONS = 1 << 15;
/** Sides whose repetitions are listed. */
export const MAX_REPEATING = 1 << 13;
/** Idle time in seconds from which a connection may have been forgotten: IPVS forgets it after 900. */
const IDLE = 890;
/** Seconds between repetitions of a segment: less is not a timeout, but a capture on several devices. */
const RETRANSMISSION_SECONDS = 0.1;
/** Retransmissions without any answer that show that nobody knows the connection. */
const UNANSWERED = 2;

// Integers of a side.
const NEXT = 0;
const ACKED = 1;
const STATE = 2;
const SEGMENTS = 3;
const STUCK = 4;
const STUCK_LENGTH = 5;
const LARGEST_ACKED = 6;
const LARGEST = 7;
const SIDE_WORDS = 8;
/** Of a connection: flags of the handshake, and how it went on after a long silence. */
const HANDSHAKE = 2 * SIDE_WORDS;
const IDLE_STATE = HANDSHAKE + 1;
const IDLE_REPEATS = HANDSHAKE + 2;
const ROW_WORDS = HANDSHAKE + 3;
/** Floats of a connection: time of its last packet, seconds of its silence, number and time of the packet after it. */
const LAST_SECONDS = 0;
const IDLE_SECONDS = 1;
const IDLE_PACKET = 2;
const IDLE_AT = 3;
/** Time of each side's last repetition of a segment that is stuck. */
const STUCK_AT = 4;
const ROW_TIMES = 6;
const FIRST_ROWS = 64;

/** Bits of STATE. */
const HAS_NEXT = 1;
const HAS_ACKED = 2;
/** Bits of HANDSHAKE. */
const SYN = 1;
const SYN_ACK = 2;

/** How a connection went on after a long silence. */
const Resumed = { Never: 0, BySide0: 1, BySide1: 2, Answered: 3, Cut: 4 } as const;

/** What is odd about one side of a connection. `count` is that of its segments with data. */
export interface TcpTrace extends Omit<InnerOccurrence, 'source' | 'destination'> {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Whether SYN and SYN/ACK were seen. */
  readonly handshake: boolean;
  readonly retransmissions: Occurrence;
  /** Times that the same unacknowledged segment was sent again until the capture's end, and its bytes; 0 for none. */
  readonly stuck: number;
  readonly stuckBytes: number;
  /** Bytes of the largest segment that was acknowledged. */
  readonly largestAcknowledged: number;
  /** A silence of 890 s or more that the connection didn't survive. */
  readonly cut: { readonly idleSeconds: number; readonly packet: number; readonly seconds: number } | undefined;
}

/** Network, addresses and ports of a side. */
type Ends = Pick<TcpTrace, 'vni' | 'innerSource' | 'innerDestination' | 'sourcePort' | 'destinationPort'>;

/** A side of a connection that sends a tenth of its segments again, and ten at least, by Wireshark's rules. */
export interface RetransmissionStorm extends Ends {
  /** Number of the packet with which its connection began. */
  readonly first: number;
  readonly segments: number;
  readonly retransmissions: number;
  /** The first packets that repeat data; none if they are gossip's. */
  readonly repeated: Occurrence;
}

/** Follows connections, in bounded memory: 32768 at 330 bytes each. */
export class TcpWatch {
  /** Segments of connections that aren't followed. */
  #untracked = 0;
  readonly #pairs: AddressPairs;
  readonly #index = new KeyIndex(2, MAX_CONNECTIONS);
  readonly #retransmissions = new EventTable(MAX_REPEATING);
  readonly #storms = new StormWatch(FIRST_ROWS);
  #rows = FIRST_ROWS;
  #words = new Int32Array(FIRST_ROWS * ROW_WORDS);
  #times = new Float64Array(FIRST_ROWS * ROW_TIMES).fill(Number.NaN);

  /** @param pairs ids of the directions */
  constructor(pairs: AddressPairs) {
    this.#pairs = pairs;
  }

  /**
   * Takes a segment whose header was captured.
   * @param pair id of its direction
   * @param follows whether to follow its connection; if not, only its retransmissions by Wireshark's rules are counted
   */
  add(
    stamp: PacketStamp,
    pair: number,
    bytes: Uint8Array,
    { transportOffset: at, payloadOffset, payloadEnd, sourcePort, destinationPort }: Layers,
    follows = true,
  ): void {
    const side = (pair & 1) as 0 | 1;
    const { key } = this.#index;
    key[0] = pair >> 1;
    key[1] = side === 0 ? (sourcePort << 16) | destinationPort : (destinationPort << 16) | sourcePort;
    const row = this.#index.add();
    if (row < 0) {
      this.#untracked++;
      return;
    }
    if (row >= this.#rows) this.#grow();
    const own = row * ROW_WORDS + side * SIDE_WORDS;
    const other = row * ROW_WORDS + (1 - side) * SIDE_WORDS;
    const sequence = getWord(bytes, at + 4);
    const flags = bytes[at + 13];
    const length = payloadEnd - payloadOffset;
    const acknowledgment = getWord(bytes, at + 8);
    const window = (bytes[at + 14] << 8) | bytes[at + 15];
    const opens = (flags & (TcpFlag.Syn | TcpFlag.Ack)) === TcpFlag.Syn;
    this.#storms.add(stamp, row, side, sequence, acknowledgment, flags, window, length, opens);
    if (!follows) return;
    if ((flags & TcpFlag.Syn) !== 0) this.#open(row, own, flags, sequence);
    this.#silence(stamp, row, side, (flags & TcpFlag.Rst) !== 0);
    if ((flags & TcpFlag.Ack) !== 0) this.#acknowledge(own, other, acknowledgment);
    if (length > 0) this.#data(stamp, row, own, other, side, sequence, length);
  }

  /** Number of connections, and of sides that repeat data. */
  get size(): readonly [connections: number, repeating: number] {
    return [this.#index.size, this.#retransmissions.size];
  }

  /** Segments, repetitions and storms that the full tables couldn't list. */
  get unlisted(): number {
    return this.#untracked + this.#retransmissions.unlisted + this.#storms.unlisted;
  }

  /** The sides of connections that something is odd about: retransmissions, or a silence that cut it. */
  report(): TcpTrace[] {
    const traces: TcpTrace[] = [];
    for (let row = 0; row < this.#index.size; row++) {
      const isCut = this.#words[row * ROW_WORDS + IDLE_STATE] === Resumed.Cut;
      for (const side of [0, 1]) {
        const own = row * ROW_WORDS + side * SIDE_WORDS;
        const again = this.#retransmissions.of(row, side);
        const idle = row * ROW_TIMES;
        if (again.count === 0 && !(isCut && side === 0)) continue;
        traces.push({
          ...(again.count > 0 ? again : NEVER),
          count: this.#words[own + SEGMENTS],
          ...this.#ends(row, side),
          handshake: this.#words[row * ROW_WORDS + HANDSHAKE] === (SYN | SYN_ACK),
          retransmissions: again,
          stuck: this.#words[own + STUCK],
          stuckBytes: this.#words[own + STUCK] === 0 ? 0 : this.#words[own + STUCK_LENGTH],
          largestAcknowledged: this.#words[own + LARGEST_ACKED],
          cut:
            isCut && side === 0
              ? {
                  idleSeconds: this.#times[idle + IDLE_SECONDS],
                  packet: this.#times[idle + IDLE_PACKET],
                  seconds: this.#times[idle + IDLE_AT],
                }
              : undefined,
        });
      }
    }
    return traces;
  }

  /** The sides that send much of their data again. */
  stormsReport(): RetransmissionStorm[] {
    return this.#storms.report(this.#index.size).map(({ row, side, first, segments, retransmissions }) => ({
      ...this.#ends(row, side),
      first,
      segments,
      retransmissions,
      repeated: this.#retransmissions.of(row, side),
    }));
  }

  #ends(row: number, side: number): Ends {
    const pair = 2 * this.#index.word(row, 0) + side;
    const ports = this.#index.word(row, 1);
    const [one, two] = [ports >>> 16, ports & 0xffff];
    return {
      vni: this.#pairs.scope(pair),
      innerSource: this.#pairs.source(pair),
      innerDestination: this.#pairs.destination(pair),
      sourcePort: side === 0 ? one : two,
      destinationPort: side === 0 ? two : one,
    };
  }

  /** Begins a connection, or another one with the same ports. */
  #open(row: number, own: number, flags: number, sequence: number): void {
    const words = this.#words;
    const handshake = row * ROW_WORDS + HANDSHAKE;
    const isNew = (words[own + STATE] & HAS_NEXT) === 0 || words[own + NEXT] !== ((sequence + 1) | 0);
    const opens = (flags & TcpFlag.Ack) === 0;
    if (isNew && opens) this.#forget(row);
    words[handshake] |= opens ? SYN : SYN_ACK;
    if (!isNew) return;
    words[own + NEXT] = (sequence + 1) | 0;
    words[own + STATE] = HAS_NEXT;
    words[own + STUCK] = 0;
    words[own + LARGEST] = 0;
  }

  /** Makes room for another connection with the same addresses and ports; that an earlier one was cut is kept. */
  #forget(row: number): void {
    const words = this.#words;
    const isCut = words[row * ROW_WORDS + IDLE_STATE] === Resumed.Cut;
    words.fill(0, row * ROW_WORDS, (row + 1) * ROW_WORDS);
    if (isCut) words[row * ROW_WORDS + IDLE_STATE] = Resumed.Cut;
    else this.#times.fill(Number.NaN, row * ROW_TIMES, (row + 1) * ROW_TIMES);
  }

  /** Notices a packet that ends a long silence, and whether it is answered, refused, or repeated in vain. */
  #silence(stamp: PacketStamp, row: number, side: number, isReset: boolean): void {
    const words = this.#words;
    const state = row * ROW_WORDS + IDLE_STATE;
    const at = row * ROW_TIMES;
    const seconds = stamp.seconds - this.#times[at + LAST_SECONDS];
    if (words[state] === Resumed.Cut) return;
    if (seconds >= IDLE) {
      words[state] = side === 0 ? Resumed.BySide0 : Resumed.BySide1;
      words[row * ROW_WORDS + IDLE_REPEATS] = 0;
      this.#times[at + IDLE_SECONDS] = seconds;
      this.#times[at + IDLE_PACKET] = stamp.number;
      this.#times[at + IDLE_AT] = stamp.seconds;
    } else if (isResumedBy(words[state], 1 - side)) {
      words[state] = isReset ? Resumed.Cut : Resumed.Answered;
    } else if (isResumedBy(words[state], side)) {
      // In a capture of one direction, no answer is to be expected.
      const other = row * ROW_WORDS + (1 - side) * SIDE_WORDS;
      const isTwoWay = words[other + STATE] !== 0;
      if (++words[row * ROW_WORDS + IDLE_REPEATS] === UNANSWERED && isTwoWay) words[state] = Resumed.Cut;
    }
    if (!(stamp.seconds <= this.#times[at + LAST_SECONDS])) this.#times[at + LAST_SECONDS] = stamp.seconds;
  }

  #acknowledge(own: number, other: number, acknowledgment: number): void {
    const words = this.#words;
    if ((words[own + STATE] & HAS_ACKED) !== 0 && ((acknowledgment - words[own + ACKED]) | 0) <= 0) return;
    words[own + ACKED] = acknowledgment;
    words[own + STATE] |= HAS_ACKED;
    words[other + STUCK] = 0;
    // Everything outstanding arrived, the largest segment included.
    if (words[other + NEXT] === acknowledgment && words[other + LARGEST] > words[other + LARGEST_ACKED]) {
      words[other + LARGEST_ACKED] = words[other + LARGEST];
    }
  }

  #data(
    stamp: PacketStamp,
    row: number,
    own: number,
    other: number,
    side: number,
    sequence: number,
    length: number,
  ): void {
    const words = this.#words;
    const end = (sequence + length) | 0;
    words[own + SEGMENTS]++;
    const known = (words[own + STATE] & HAS_NEXT) !== 0;
    if (!known || ((end - words[own + NEXT]) | 0) > 0) {
      words[own + NEXT] = end;
      words[own + STATE] |= HAS_NEXT;
      if (length > words[own + LARGEST]) words[own + LARGEST] = length;
      return;
    }
    // A byte before the next number is a keep-alive or a probe.
    if (length === 1 && end === words[own + NEXT]) return;
    this.#retransmissions.add(stamp, row, side);
    if ((words[other + STATE] & HAS_ACKED) === 0 || words[other + ACKED] !== sequence) return;
    const stuckAt = row * ROW_TIMES + STUCK_AT + side;
    if (stamp.seconds - this.#times[stuckAt] < RETRANSMISSION_SECONDS) return;
    this.#times[stuckAt] = stamp.seconds;
    words[own + STUCK]++;
    words[own + STUCK_LENGTH] = length;
  }

  #grow(): void {
    const rows = 2 * this.#rows;
    const words = new Int32Array(rows * ROW_WORDS);
    const times = new Float64Array(rows * ROW_TIMES).fill(Number.NaN);
    words.set(this.#words);
    times.set(this.#times);
    this.#rows = rows;
    this.#storms.grow(rows);
    this.#words = words;
    this.#times = times;
  }
}

function isResumedBy(state: number, side: number): boolean {
  return state === (side === 0 ? Resumed.BySide0 : Resumed.BySide1);
}
