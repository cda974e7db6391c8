/** What happens in a capture, by up to four integers: who, in which network, how. */
import { KeyIndex } from '../../memory/internal.js';
import type { Occurrence } from '../evidence/capture.js';
import { OccurrenceColumns } from './occurrence-columns.js';
import type { PacketStamp } from './packet-stamp.js';

/** Rows of a table, unless its owner says otherwise. */
export const MAX_EVENT_ROWS = 4096;
const WORDS = 4;

/** A bounded table of occurrences. */
export class EventTable {
  /** Events that the full table couldn't list. */
  unlisted = 0;
  readonly #index: KeyIndex;
  readonly #columns = new OccurrenceColumns();

  /** @param limit maximum number of rows */
  constructor(limit = MAX_EVENT_ROWS) {
    this.#index = new KeyIndex(WORDS, limit);
  }

  /** Number of rows. */
  get size(): number {
    return this.#index.size;
  }

  /**
   * Counts an event.
   * @returns its row, or -1 if the table is full
   */
  add(stamp: PacketStamp, a: number, b = 0, c = 0, d = 0): number {
    return this.addAt(stamp.number, stamp.seconds, a, b, c, d);
  }

  /** Likewise, for a packet that was seen earlier. */
  addAt(number: number, seconds: number, a: number, b = 0, c = 0, d = 0): number {
    const row = this.row(a, b, c, d);
    if (row < 0) this.unlisted++;
    else this.#columns.addAt(row, number, seconds);
    return row;
  }

  /** Counts another event of a row. */
  again(row: number, stamp: PacketStamp): void {
    this.#columns.add(row, stamp);
  }

  /** The row of a key, which is added without counting anything; -1 if the table is full. */
  row(a: number, b = 0, c = 0, d = 0): number {
    const { key } = this.#index;
    key[0] = a;
    key[1] = b;
    key[2] = c;
    key[3] = d;
    return this.#index.add();
  }

  /** The occurrences of a key; none if it isn't in the table. */
  of(a: number, b = 0, c = 0, d = 0): Occurrence {
    const { key } = this.#index;
    key[0] = a;
    key[1] = b;
    key[2] = c;
    key[3] = d;
    return this.#columns.occurrence(this.#index.find());
  }

  /** One integer of a row's key, signed. */
  word(row: number, index: number): number {
    return this.#index.word(row, index);
  }

  /** Number of occurrences of a row. */
  count(row: number): number {
    return this.#columns.count(row);
  }

  /** The occurrences of a row. */
  occurrence(row: number): Occurrence {
    return this.#columns.occurrence(row);
  }

  /** Every row, in the order of their first events. */
  map<T>(report: (row: number) => T): T[] {
    return Array.from({ length: this.size }, (_, row) => report(row));
  }
}
