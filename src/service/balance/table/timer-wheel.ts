/**
 * Timers of connections: a wheel with a slot per second. A connection that is used again only gets a later deadline; it
 * moves to that slot when its old one comes up, so that no packet moves it.
 */
import { SECOND } from '../state/timeouts.js';
import { Column, ROW_WORDS } from './connection-row.js';

const NONE = -1;
const SLOTS = 1024;
/** The longest wait in the wheel, in milliseconds. Longer timeouts are looked at on the way. */
const MAX_WAIT = 900_000;

/** Rows by the second in which their deadline is to be looked at. */
export class TimerWheel {
  readonly #rows: Int32Array;
  readonly #due: (row: number, now: number) => boolean;
  readonly #slots = new Int32Array(SLOTS).fill(NONE);
  /** The second up to which the wheel has been worked off. */
  #cursor = NONE;

  /**
   * @param due is called with a row whose slot has come up. Returns true if it has left the wheel, false if its deadline
   * is later
   */
  constructor(rows: Int32Array, due: (row: number, now: number) => boolean) {
    this.#rows = rows;
    this.#due = due;
  }

  /** Memory in bytes. */
  get bytes(): number {
    return this.#slots.byteLength;
  }

  start(row: number, now: number, timeout: number): void {
    this.#put(row, slotOf((now + Math.min(timeout, MAX_WAIT)) | 0));
  }

  stop(row: number): void {
    const rows = this.#rows;
    const at = row * ROW_WORDS;
    const previous = rows[at + Column.TimerPrevious];
    const next = rows[at + Column.TimerNext];
    if (previous === NONE) this.#slots[rows[at + Column.MacLow] & 0xffff] = next;
    else rows[previous * ROW_WORDS + Column.TimerNext] = next;
    if (next !== NONE) rows[next * ROW_WORDS + Column.TimerPrevious] = previous;
  }

  /**
   * Works off the slots up to now, within bounds.
   * @param now milliseconds modulo 2^32
   * @param maxRows maximum number of rows looked at
   * @param maxSlots maximum number of slots passed
   */
  advance(now: number, maxRows: number, maxSlots: number): void {
    const second = Math.floor((now >>> 0) / SECOND);
    if (second !== this.#cursor) this.#work(now, second, maxRows, maxSlots);
  }

  #work(now: number, second: number, maxRows: number, maxSlots: number): void {
    if (this.#cursor === NONE || second < this.#cursor) {
      // The first packet, or a clock that went back, perhaps past 2^32.
      this.#cursor = second;
      return;
    }
    if (second - this.#cursor > SLOTS) this.#cursor = second - SLOTS;
    let left = maxRows;
    for (let passed = 0; passed < maxSlots && this.#cursor < second; passed++) {
      const slot = this.#cursor & (SLOTS - 1);
      for (let row = this.#slots[slot]; row !== NONE; row = this.#slots[slot]) {
        if (left-- === 0) return;
        this.#visit(row, slot, now);
      }
      this.#cursor++;
    }
  }

  #visit(row: number, slot: number, now: number): void {
    if (this.#due(row, now)) return;
    this.stop(row);
    const wanted = slotOf(this.#rows[row * ROW_WORDS + Column.Deadline]);
    // Never back to where the cursor is: it would stay there.
    this.#put(row, wanted === slot ? (slot + 1) & (SLOTS - 1) : wanted);
  }

  #put(row: number, slot: number): void {
    const rows = this.#rows;
    const at = row * ROW_WORDS;
    const head = this.#slots[slot];
    rows[at + Column.TimerPrevious] = NONE;
    rows[at + Column.TimerNext] = head;
    if (head !== NONE) rows[head * ROW_WORDS + Column.TimerPrevious] = row;
    this.#slots[slot] = row;
    rows[at + Column.MacLow] = (rows[at + Column.MacLow] & ~0xffff) | slot;
  }
}

function slotOf(deadline: number): number {
  return Math.floor((deadline >>> 0) / SECOND) & (SLOTS - 1);
}
