import { sameSecret, secretCopy } from '../memory/internal.js';
import { AeadError } from './error.js';

/** Bits of an id for the slot, and number of times a slot is reused before a very old id matches again. */
const SLOT_BITS = 20;
const GENERATIONS = 1 << 11;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const MAX_ID = 0x7fffffff;
/** Number of recent keys that a new one is compared with. All of a swarm's SAs together use three keys. */
const COMPARED = 8;

/** Words per slot: the id it has, or `FREE`, and the index of its entry. */
const SLOT_WORDS = 2;
const FREE = -1;

/** A key that was added recently. */
interface Recent {
  readonly index: number;
  readonly key: Uint8Array;
}

/**
 * A backend's entries by key id. Equal keys added in sequence share an entry, so that the SAs of a cluster's key stay
 * in the CPU cache. Slots are reused but ids are not: a packet queued for a removed key must never be sealed under the
 * next one.
 */
export class KeySlots<T> {
  /** `SLOT_WORDS` of each slot. */
  #slots = new Int32Array(16 * SLOT_WORDS);
  readonly #generations: number[] = [];
  readonly #free: number[] = [];
  /** Entries by index, and the number of ids that share each. */
  readonly #entries: (T | undefined)[] = [];
  readonly #ids: number[] = [];
  readonly #freeEntries: number[] = [];
  /** Most recent first. */
  readonly #recent: Recent[] = [];

  /** Number of ids. */
  get size(): number {
    return this.#generations.length - this.#free.length;
  }

  /** Number of entries: of different keys, as far as known. */
  get entries(): number {
    return this.#entries.length - this.#freeEntries.length;
  }

  /**
   * Stores a key's entry and returns an id for it.
   * @param key copied
   * @param make creates the entry if the key is new; the entry's index is reused after it has been removed
   * @throws AeadError `TOO_MANY_KEYS` beyond 2^20
   */
  add(key: Uint8Array, make: (key: Uint8Array, index: number) => T): number {
    const slot = this.#free.pop() ?? this.#newSlot();
    try {
      const index = this.#indexOf(key, make);
      this.#ids[index]++;
      const id = (this.#generations[slot] << SLOT_BITS) | slot;
      this.#slots[SLOT_WORDS * slot] = id;
      this.#slots[SLOT_WORDS * slot + 1] = index;
      return id;
    } catch (error) {
      this.#free.push(slot);
      throw error;
    }
  }

  /** Returns the index of an id's entry. Throws `BAD_AEAD_BATCH` for an unknown one. */
  index(id: number): number {
    const at = SLOT_WORDS * (id & SLOT_MASK);
    const slots = this.#slots;
    // An id out of range, or of no slot, reads undefined.
    if (id < 0 || slots[at] !== id) throw new AeadError('BAD_AEAD_BATCH', `unknown key id ${id}`);
    return slots[at + 1];
  }

  /** Returns the entry of an id. Throws `BAD_AEAD_BATCH` for an unknown one. */
  get(id: number): T {
    return this.#entries[this.index(id)] as T;
  }

  /** Throws `BAD_AEAD_BATCH` unless the first `count` of `ids` have entries. */
  check(ids: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) this.index(ids[i]);
  }

  /**
   * Removes an id. Returns the entry, for the caller to wipe before it adds another, if no other id shares it. Unknown
   * ids are ignored.
   */
  remove(id: number): T | undefined {
    if (!Number.isInteger(id) || id < 0 || id > MAX_ID) return undefined;
    const slot = id & SLOT_MASK;
    const at = SLOT_WORDS * slot;
    if (this.#slots[at] !== id) return undefined;
    const index = this.#slots[at + 1];
    this.#slots[at] = FREE;
    this.#generations[slot] = (this.#generations[slot] + 1) % GENERATIONS;
    this.#free.push(slot);
    if (--this.#ids[index] > 0) return undefined;
    const recent = this.#recent.findIndex((one) => one.index === index);
    if (recent >= 0) this.#recent.splice(recent, 1)[0].key.fill(0);
    const entry = this.#entries[index];
    this.#entries[index] = undefined;
    this.#freeEntries.push(index);
    return entry;
  }

  #newSlot(): number {
    const slot = this.#generations.length;
    if (slot > SLOT_MASK) throw new AeadError('TOO_MANY_KEYS', `a cipher holds at most ${SLOT_MASK + 1} keys`);
    this.#generations.push(0);
    if (SLOT_WORDS * slot === this.#slots.length) {
      const grown = new Int32Array(2 * this.#slots.length);
      grown.set(this.#slots);
      this.#slots = grown;
    }
    this.#slots[SLOT_WORDS * slot] = FREE;
    return slot;
  }

  #indexOf(key: Uint8Array, make: (key: Uint8Array, index: number) => T): number {
    const known = this.#recent.find((recent) => sameSecret(recent.key, key));
    if (known !== undefined) return known.index;
    const index = this.#freeEntries.pop() ?? this.#entries.push(undefined) - 1;
    try {
      this.#entries[index] = make(key, index);
    } catch (error) {
      this.#freeEntries.push(index);
      throw error;
    }
    this.#ids[index] = 0;
    this.#recent.unshift({ index, key: secretCopy(key) });
    // The copy of a key only serves comparison.
    if (this.#recent.length > COMPARED) this.#recent.pop()?.key.fill(0);
    return index;
  }
}
