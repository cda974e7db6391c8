/** Counts of something that happens in a capture, with the first packets and the times: typed columns by row. */
import type { Occurrence } from '../evidence/capture.js';
import type { PacketStamp } from './packet-stamp.js';

/** Packets that a row shows. */
const SHOWN = 5;
const FIRST_ROWS = 16;

/** An occurrence of nothing. */
export const NEVER: Occurrence = { count: 0, packets: [], firstSeconds: undefined, lastSeconds: undefined };

/** Occurrences by row, at 64 bytes a row. Rows are the caller's ids, from 0; the caller bounds them. */
export class OccurrenceColumns {
  #rows = FIRST_ROWS;
  #counts = new Float64Array(FIRST_ROWS);
  #packets = new Float64Array(FIRST_ROWS * SHOWN);
  #first = new Float64Array(FIRST_ROWS).fill(Number.NaN);
  #last = new Float64Array(FIRST_ROWS).fill(Number.NaN);

  /** Counts a packet, or what it stands for. */
  add(row: number, { number, seconds }: PacketStamp): void {
    this.addAt(row, number, seconds);
  }

  /** Likewise, for a packet that was seen earlier. */
  addAt(row: number, number: number, seconds: number): void {
    if (row >= this.#rows) this.#grow(row);
    const count = this.#counts[row]++;
    if (count < SHOWN) this.#packets[row * SHOWN + count] = number;
    // False for a packet without a time, and in a new row.
    if (seconds > this.#last[row]) this.#last[row] = seconds;
    else if (!(seconds >= this.#first[row])) this.#takeEarlier(row, seconds);
  }

  /**
   * Adds what columns of other packets have of a row; its first packet must not be before that of the row here.
   * @param from row in `counts`, `packets` (5 each) and `times` (the earliest and the latest)
   */
  join(row: number, counts: Float64Array, packets: Float64Array, times: Float64Array, from: number): void {
    if (row >= this.#rows) this.#grow(row);
    const here = Math.min(SHOWN, this.#counts[row]);
    const there = Math.min(SHOWN, counts[from]);
    const both = [
      ...this.#packets.subarray(row * SHOWN, row * SHOWN + here),
      ...packets.subarray(from * SHOWN, from * SHOWN + there),
    ].sort((a, b) => a - b);
    this.#packets.set(both.slice(0, SHOWN), row * SHOWN);
    this.#counts[row] += counts[from];
    const [first, last] = times.subarray(2 * from, 2 * from + 2);
    if (!(first >= this.#first[row])) this.#takeEarlier(row, first);
    if (last > this.#last[row]) this.#last[row] = last;
  }

  /** Copies a row for `join`. */
  put(row: number, counts: Float64Array, packets: Float64Array, times: Float64Array, to: number): void {
    counts[to] = this.#counts[row];
    const shown = Math.min(SHOWN, this.#counts[row]);
    packets.set(this.#packets.subarray(row * SHOWN, row * SHOWN + shown), to * SHOWN);
    times[2 * to] = this.#first[row];
    times[2 * to + 1] = this.#last[row];
  }

  /** Number of occurrences; 0 for a row that has none. */
  count(row: number): number {
    return row < this.#rows ? this.#counts[row] : 0;
  }

  /** The earliest time; NaN if there is none. */
  first(row: number): number {
    return row < this.#rows ? this.#first[row] : Number.NaN;
  }

  /** The latest time; NaN if there is none. */
  last(row: number): number {
    return row < this.#rows ? this.#last[row] : Number.NaN;
  }

  /** A row as plain data. */
  occurrence(row: number): Occurrence {
    if (row < 0 || row >= this.#rows || this.#counts[row] === 0) return NEVER;
    const from = row * SHOWN;
    const packets: number[] = [];
    let ascends = true;
    for (let i = 0; i < SHOWN && i < this.#counts[row]; i++) {
      ascends &&= i === 0 || this.#packets[from + i] >= packets[i - 1];
      packets.push(this.#packets[from + i]);
    }
    return {
      count: this.#counts[row],
      // Those of a datagram or a query that turned out to be lost may come after later ones.
      packets: ascends ? packets : packets.sort((a, b) => a - b),
      firstSeconds: known(this.#first[row]),
      lastSeconds: known(this.#last[row]),
    };
  }

  #takeEarlier(row: number, seconds: number): void {
    if (Number.isNaN(seconds)) return;
    this.#first[row] = seconds;
    if (Number.isNaN(this.#last[row])) this.#last[row] = seconds;
  }

  #grow(row: number): void {
    let rows = this.#rows;
    while (rows <= row) rows *= 2;
    this.#counts = larger(this.#counts, rows, 0);
    this.#packets = larger(this.#packets, rows * SHOWN, 0);
    this.#first = larger(this.#first, rows, Number.NaN);
    this.#last = larger(this.#last, rows, Number.NaN);
    this.#rows = rows;
  }
}

function known(seconds: number): number | undefined {
  return Number.isNaN(seconds) ? undefined : seconds;
}

function larger(column: Float64Array, length: number, empty: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(length).fill(empty);
  grown.set(column);
  return grown;
}
