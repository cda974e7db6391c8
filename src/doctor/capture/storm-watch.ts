/** Sides of TCP connections that send much of their data again, by Wireshark's rules. */
import { TcpAnalysis } from '../../inspect/internal.js';
import type { PacketStamp } from './packet-stamp.js';

/** Retransmissions from which a side is listed, and their share of its segments. */
const ENOUGH = 10;
const SHARE = 0.1;
/** Listed sides of connections whose addresses and ports another one took over. */
const MAX_ENDED = 256;

/** A side that sends a tenth of its segments again, and ten at least. */
export interface Storm {
  /** The row of its connection; another one may have it now. */
  readonly row: number;
  readonly side: 0 | 1;
  readonly segments: number;
  readonly retransmissions: number;
  /** Number of the packet with which the connection began. */
  readonly first: number;
}

/** Follows connections by row, in typed arrays of 176 bytes a row. Rows are the caller's ids, from 0; the caller bounds them. */
export class StormWatch {
  /** Sides that weren't listed because too many were. */
  unlisted = 0;
  readonly #analysis: TcpAnalysis;
  readonly #ended: Storm[] = [];
  /** Segments of each side. */
  #segments: Uint32Array;
  #first: Float64Array;

  /** @param rows number of rows to begin with */
  constructor(rows: number) {
    this.#analysis = new TcpAnalysis(rows);
    this.#segments = new Uint32Array(2 * rows);
    this.#first = new Float64Array(rows);
  }

  /** Makes room for more rows. */
  grow(rows: number): void {
    this.#analysis.grow(rows);
    const segments = new Uint32Array(2 * rows);
    const first = new Float64Array(rows);
    segments.set(this.#segments);
    first.set(this.#first);
    this.#segments = segments;
    this.#first = first;
  }

  /**
   * Takes a segment. A SYN with another sequence number begins another connection in the row.
   * @param length bytes of payload
   * @param opens whether it is a SYN without ACK
   */
  add(
    stamp: PacketStamp,
    row: number,
    side: 0 | 1,
    sequence: number,
    acknowledgment: number,
    flags: number,
    window: number,
    length: number,
    opens: boolean,
  ): void {
    if (opens && this.#analysis.isAnother(row, side, sequence)) this.#end(row);
    if (this.#first[row] === 0) this.#first[row] = stamp.number;
    this.#segments[2 * row + side]++;
    this.#analysis.add(row, side, sequence, acknowledgment, flags, window, length, stamp.elapsed);
  }

  /**
   * The sides that send much again, in the order in which their connections began.
   * @param rows number of rows in use
   */
  report(rows: number): Storm[] {
    const storms = [...this.#ended];
    for (let row = 0; row < rows; row++) storms.push(...this.#stormsOf(row));
    return storms.sort((a, b) => a.first - b.first || a.side - b.side);
  }

  #end(row: number): void {
    for (const storm of this.#stormsOf(row)) {
      if (this.#ended.length < MAX_ENDED) this.#ended.push(storm);
      else this.unlisted++;
    }
    this.#analysis.clear(row);
    this.#segments.fill(0, 2 * row, 2 * row + 2);
    this.#first[row] = 0;
  }

  #stormsOf(row: number): readonly Storm[] {
    if (!this.#isStorm(row, 0) && !this.#isStorm(row, 1)) return NONE;
    return SIDES.filter((side) => this.#isStorm(row, side)).map((side) => ({
      row,
      side,
      segments: this.#segments[2 * row + side],
      retransmissions: this.#analysis.retransmissions(row, side),
      first: this.#first[row],
    }));
  }

  #isStorm(row: number, side: 0 | 1): boolean {
    const again = this.#analysis.retransmissions(row, side);
    return again >= ENOUGH && again >= SHARE * this.#segments[2 * row + side];
  }
}

const NONE: readonly Storm[] = [];
const SIDES = [0, 1] as const;
