/** A list of connections by age, linked through their rows. A connection is in one such list at most. */
import { Column, ROW_WORDS } from './connection-row.js';

const NONE = -1;

/** Rows from the oldest to the newest. */
export class RowList {
  /** The oldest row, or -1. */
  oldest = NONE;
  /** Number of rows. */
  size = 0;
  readonly #rows: Int32Array;
  #newest = NONE;

  constructor(rows: Int32Array) {
    this.#rows = rows;
  }

  append(row: number): void {
    const rows = this.#rows;
    const at = row * ROW_WORDS;
    rows[at + Column.Older] = this.#newest;
    rows[at + Column.Newer] = NONE;
    if (this.#newest === NONE) this.oldest = row;
    else rows[this.#newest * ROW_WORDS + Column.Newer] = row;
    this.#newest = row;
    this.size++;
  }

  /** Takes out a row that is in the list. */
  remove(row: number): void {
    const rows = this.#rows;
    const older = rows[row * ROW_WORDS + Column.Older];
    const newer = rows[row * ROW_WORDS + Column.Newer];
    if (older === NONE) this.oldest = newer;
    else rows[older * ROW_WORDS + Column.Newer] = newer;
    if (newer === NONE) this.#newest = older;
    else rows[newer * ROW_WORDS + Column.Older] = older;
    this.size--;
  }
}
