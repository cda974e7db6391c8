import { AeadError } from './error.js';

/** Slots, and how often one can be given again before a number of long ago would be believed. */
const SLOT_BITS = 20;
const GENERATIONS = 1 << 11;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const MAX_ID = 0x7fffffff;

/**
 * What a backend keeps for each key, under numbers. A slot is given again, its number isn't: a packet that was to be
 * sealed under a key that is gone must never be sealed under the next one.
 */
export class KeySlots<T> {
  readonly #slots: (T | undefined)[] = [];
  readonly #generations: number[] = [];
  readonly #free: number[] = [];

  /**
   * Keeps an entry and gives its number.
   * @throws AeadError `TOO_MANY_KEYS` beyond 2^20
   */
  add(entry: T): number {
    let slot = this.#free.pop();
    if (slot === undefined) {
      slot = this.#slots.length;
      if (slot > SLOT_MASK) throw new AeadError('TOO_MANY_KEYS', `a cipher holds at most ${SLOT_MASK + 1} keys`);
      this.#generations.push(0);
    }
    this.#slots[slot] = entry;
    return (this.#generations[slot] << SLOT_BITS) | slot;
  }

  /** The entry of a number. Throws `BAD_AEAD_BATCH` if there is none. */
  get(id: number): T {
    const slot = id & SLOT_MASK;
    const entry = this.#slots[slot];
    if (entry === undefined || this.#generations[slot] !== id >>> SLOT_BITS) {
      throw new AeadError('BAD_AEAD_BATCH', `there is no key ${id}`);
    }
    return entry;
  }

  /** Throws `BAD_AEAD_BATCH` unless the first `count` of some numbers have entries. */
  check(ids: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) this.get(ids[i]);
  }

  /** Gives up a number and returns what it had. */
  remove(id: number): T | undefined {
    if (!Number.isInteger(id) || id < 0 || id > MAX_ID) return undefined;
    const slot = id & SLOT_MASK;
    if (this.#generations[slot] !== id >>> SLOT_BITS) return undefined;
    const entry = this.#slots[slot];
    if (entry === undefined) return undefined;
    this.#slots[slot] = undefined;
    this.#generations[slot] = (this.#generations[slot] + 1) % GENERATIONS;
    this.#free.push(slot);
    return entry;
  }
}
