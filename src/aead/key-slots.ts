import { sameSecret, secretCopy } from '../memory/internal.js';
import { AeadError } from './error.js';

/** Bits of an id for the slot, and number of times a slot is reused before a very old id matches again. */
const SLOT_BITS = 20;
const GENERATIONS = 1 << 11;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const MAX_ID = 0x7fffffff;
/** Number of recent keys that a new one is compared with. All of a swarm's SAs together use three keys. */
const COMPARED = 8;

/** The entry of a key, shared by all ids of that key. */
interface Shared<T> {
  readonly entry: T;
  readonly key: Uint8Array;
  ids: number;
}

/**
 * A backend's entries by key id. Equal keys added in sequence share an entry, so that the SAs of a cluster's key stay
 * in the CPU cache. Slots are reused but ids are not: a packet queued for a removed key must never be sealed under the
 * next one.
 */
export class KeySlots<T> {
  readonly #slots: (Shared<T> | undefined)[] = [];
  readonly #generations: number[] = [];
  readonly #free: number[] = [];
  /** Most recent first. */
  readonly #recent: Shared<T>[] = [];

  /** Number of ids. */
  get size(): number {
    return this.#slots.length - this.#free.length;
  }

  /**
   * Stores a key's entry and returns an id for it.
   * @param key copied
   * @param make creates the entry if the key is new
   * @throws AeadError `TOO_MANY_KEYS` beyond 2^20
   */
  add(key: Uint8Array, make: (key: Uint8Array) => T): number {
    let slot = this.#free.pop();
    if (slot === undefined) {
      slot = this.#slots.length;
      if (slot > SLOT_MASK) throw new AeadError('TOO_MANY_KEYS', `a cipher holds at most ${SLOT_MASK + 1} keys`);
      this.#slots.push(undefined);
      this.#generations.push(0);
    }
    try {
      const shared = this.#sharedOf(key, make);
      shared.ids++;
      this.#slots[slot] = shared;
    } catch (error) {
      this.#free.push(slot);
      throw error;
    }
    return (this.#generations[slot] << SLOT_BITS) | slot;
  }

  /** Returns the entry of an id. Throws `BAD_AEAD_BATCH` for an unknown one. */
  get(id: number): T {
    const slot = id & SLOT_MASK;
    const shared = this.#slots[slot];
    if (shared === undefined || this.#generations[slot] !== id >>> SLOT_BITS) {
      throw new AeadError('BAD_AEAD_BATCH', `unknown key id ${id}`);
    }
    return shared.entry;
  }

  /** Throws `BAD_AEAD_BATCH` unless the first `count` of `ids` have entries. */
  check(ids: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) this.get(ids[i]);
  }

  /** Removes an id. Returns the entry, for the caller to wipe, if no other id shares it. Unknown ids are ignored. */
  remove(id: number): T | undefined {
    if (!Number.isInteger(id) || id < 0 || id > MAX_ID) return undefined;
    const slot = id & SLOT_MASK;
    if (this.#generations[slot] !== id >>> SLOT_BITS) return undefined;
    const shared = this.#slots[slot];
    if (shared === undefined) return undefined;
    this.#slots[slot] = undefined;
    this.#generations[slot] = (this.#generations[slot] + 1) % GENERATIONS;
    this.#free.push(slot);
    shared.ids--;
    if (shared.ids > 0) return undefined;
    shared.key.fill(0);
    const index = this.#recent.indexOf(shared);
    if (index >= 0) this.#recent.splice(index, 1);
    return shared.entry;
  }

  #sharedOf(key: Uint8Array, make: (key: Uint8Array) => T): Shared<T> {
    const known = this.#recent.find((shared) => sameSecret(shared.key, key));
    if (known !== undefined) return known;
    const shared = { entry: make(key), key: secretCopy(key), ids: 0 };
    this.#recent.unshift(shared);
    // The copy of a key only serves comparison.
    if (this.#recent.length > COMPARED) this.#recent.pop()?.key.fill(0);
    return shared;
  }
}
