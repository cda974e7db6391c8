/** When the rows of a table were made, relative to the packets that were held back. */
import type { Placed } from './file-part.js';

/** Follows a table that only grows. */
export class RowPlaces {
  readonly #held: number[] = [];

  /** Records that the table has this many rows when one more packet is held back. */
  mark(rows: number, held: number): void {
    while (this.#held.length < rows) this.#held.push(held);
  }

  /** The rows with their places. */
  place<T extends object>(rows: readonly T[], held: number): Placed<T>[] {
    return rows.map((row, index) => ({ ...row, held: this.#held[index] ?? held }));
  }
}

/** Goes through the rows of a part in the order of packets. */
export class PlacedReader<T extends object> {
  readonly #rows: readonly Placed<T>[];
  readonly #take: (row: Placed<T>, index: number) => void;
  #next = 0;

  /** @param take called for each row */
  constructor(rows: readonly Placed<T>[], take: (row: Placed<T>, index: number) => void) {
    this.#rows = rows;
    this.#take = take;
  }

  /** Takes the rows that were made before a packet that was held back. */
  upTo(held: number): void {
    while (this.#next < this.#rows.length && this.#rows[this.#next].held <= held) {
      this.#take(this.#rows[this.#next], this.#next);
      this.#next++;
    }
  }
}
