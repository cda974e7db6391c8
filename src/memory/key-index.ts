/**
 * Maps fixed-size keys to small integer ids: a bounded hash table with open addressing in typed arrays, which doesn't
 * allocate once it has grown. Tables (networks, tunnels, endpoints, SPIs, datagrams in reassembly) keep their columns
 * in arrays indexed by the id.
 */
import { VtepError } from '../error.js';
import { drawHashKey, hash1, hash2, hashKeyOf, type HashKey, hashWords } from './hash.js';

const EMPTY = -1;
const FIRST_CAPACITY = 16;

/** Bounded map from keys of `words` 32-bit words each to ids. */
export class KeyIndex {
  /**
   * The key of the next call, which the caller writes here: `words` integers. Any packing works as long as equal keys
   * have equal words.
   */
  readonly key: Int32Array;
  readonly #words: number;
  readonly #limit: number;
  readonly #hashKey: HashKey;
  #capacity: number;
  #keys: Int32Array;
  #slots: Int32Array;
  #free: Int32Array;
  #freeCount = 0;
  #next = 0;
  /** The id that `add` returned last. */
  #last = EMPTY;

  /**
   * @param words number of 32-bit words in a key
   * @param limit maximum number of keys
   * @param seed seed of the hash, for tests. Default: a secret random key (memory/hash.ts).
   * @throws VtepError `BAD_INDEX` if `words` or `limit` isn't a positive integer
   */
  constructor(words: number, limit: number, seed?: number) {
    if (!Number.isInteger(words) || words < 1 || !Number.isInteger(limit) || limit < 1) {
      throw new VtepError('BAD_INDEX', `an index needs at least one word and one key, not ${words} and ${limit}`);
    }
    this.key = new Int32Array(words);
    this.#words = words;
    this.#limit = limit;
    this.#hashKey = seed === undefined ? drawHashKey(words) : hashKeyOf(seed, words);
    this.#capacity = Math.min(FIRST_CAPACITY, limit);
    this.#keys = new Int32Array(this.#capacity * words);
    this.#free = new Int32Array(this.#capacity);
    this.#slots = new Int32Array(slotsFor(this.#capacity)).fill(EMPTY);
  }

  /** Number of keys. */
  get size(): number {
    return this.#next - this.#freeCount;
  }

  /** One more than the largest id ever returned: the number of rows that the caller's columns need. */
  get span(): number {
    return this.#next;
  }

  /** The id of `key`, or -1 if absent. */
  find(): number {
    return this.#slots[this.#slotOf()];
  }

  /** The id of a one-word key, or -1. */
  find1(word: number): number {
    const slots = this.#slots;
    const keys = this.#keys;
    const mask = slots.length - 1;
    for (let slot = hash1(this.#hashKey, word) & mask; ; slot = (slot + 1) & mask) {
      const id = slots[slot];
      if (id === EMPTY || keys[id] === word) return id;
    }
  }

  /** The id of a two-word key, or -1. */
  find2(first: number, second: number): number {
    const slots = this.#slots;
    const keys = this.#keys;
    const mask = slots.length - 1;
    for (let slot = hash2(this.#hashKey, first, second) & mask; ; slot = (slot + 1) & mask) {
      const id = slots[slot];
      if (id === EMPTY || (keys[2 * id] === first && keys[2 * id + 1] === second)) return id;
    }
  }

  /** The id that a two-word key most likely has if it is present, or -1: a guess that reads a single word. */
  guess2(first: number, second: number): number {
    return this.#slots[hash2(this.#hashKey, first, second) & (this.#slots.length - 1)];
  }

  /**
   * The id of a two-word key that the caller's columns hold too, or -1: `find2` without reading the keys here, for
   * columns whose row is needed next. A row without the key is skipped.
   * @param columns rows of words
   * @param stride words per row
   * @param firstAt word of a row that holds the key's first word
   * @param secondAt and its second
   */
  find2In(
    columns: Int32Array,
    stride: number,
    firstAt: number,
    secondAt: number,
    first: number,
    second: number,
  ): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash2(this.#hashKey, first, second) & mask; ; slot = (slot + 1) & mask) {
      const id = slots[slot];
      if (id === EMPTY) return id;
      const row = id * stride;
      if (columns[row + firstAt] === first && columns[row + secondAt] === second) return id;
    }
  }

  /**
   * Returns the id of `key`, adding the key if it is absent; -1 if the index is full. Ids of deleted keys are reused.
   */
  add(): number {
    // Packets of a flow come in runs: the last key is often the next, and comparing is cheaper than hashing.
    if (this.#last !== EMPTY && this.#matches(this.#last)) return this.#last;
    this.#last = this.#addNew();
    return this.#last;
  }

  #addNew(): number {
    let slot = this.#slotOf();
    const found = this.#slots[slot];
    if (found !== EMPTY) return found;
    let id: number;
    if (this.#freeCount > 0) {
      id = this.#free[--this.#freeCount];
    } else {
      if (this.#next === this.#limit) return EMPTY;
      if (this.#next === this.#capacity) {
        this.#grow();
        slot = this.#slotOf();
      }
      id = this.#next++;
    }
    this.#slots[slot] = id;
    this.#keys.set(this.key, id * this.#words);
    return id;
  }

  /** One word of the key with this id. */
  word(id: number, index: number): number {
    return this.#keys[id * this.#words + index];
  }

  /** Deletes the key with this id, which must be in use. */
  delete(id: number): void {
    this.key.set(this.#keys.subarray(id * this.#words, (id + 1) * this.#words));
    const mask = this.#slots.length - 1;
    let hole = this.#slotOf();
    if (this.#slots[hole] !== id) return;
    this.#last = EMPTY;
    this.#slots[hole] = EMPTY;
    this.#free[this.#freeCount++] = id;
    // Entries after the hole move up if their home slot is before it, so that no lookup stops at the hole (no
    // tombstones).
    for (let slot = (hole + 1) & mask; this.#slots[slot] !== EMPTY; slot = (slot + 1) & mask) {
      const home = this.#hash(this.#keys, this.#slots[slot] * this.#words) & mask;
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        this.#slots[hole] = this.#slots[slot];
        this.#slots[slot] = EMPTY;
        hole = slot;
      }
    }
  }

  #hash(words: Int32Array, offset: number): number {
    return hashWords(this.#hashKey, words, offset, this.#words);
  }

  #matches(id: number): boolean {
    const { key } = this;
    const keys = this.#keys;
    const words = this.#words;
    const base = id * words;
    for (let i = 0; i < words; i++) if (keys[base + i] !== key[i]) return false;
    return true;
  }

  /** The slot that holds `key`, or the empty one where it belongs. */
  #slotOf(): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = this.#hash(this.key, 0) & mask;
    for (;;) {
      const id = slots[slot];
      if (id === EMPTY) return slot;
      if (this.#matches(id)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const capacity = Math.min(this.#capacity * 2, this.#limit);
    const keys = new Int32Array(capacity * this.#words);
    keys.set(this.#keys);
    const slots = new Int32Array(slotsFor(capacity)).fill(EMPTY);
    const mask = slots.length - 1;
    for (let id = 0; id < this.#next; id++) {
      let slot = this.#hash(keys, id * this.#words) & mask;
      while (slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.#capacity = capacity;
    this.#keys = keys;
    this.#slots = slots;
    this.#free = new Int32Array(capacity);
  }
}

/** Slots for a number of keys: a power of two, at most half full, so that probes stay short. */
function slotsFor(capacity: number): number {
  let slots = 4;
  while (slots < capacity * 2) slots *= 2;
  return slots;
}
