import { drawHashKey, type HashKey } from '../../memory/index.js';
import { addWord, beginHash, finishHash } from '../../memory/internal.js';

/** 32-bit words of the longest key: the space and the length, and a name of up to 255 bytes. */
const KEY_WORDS = 65;
const FIRST_SIZE = 64;

interface Entry<T> {
  readonly space: number;
  readonly name: Uint8Array;
  readonly value: T;
}

/**
 * Values by name, found with the bytes of a message: without strings, and without allocation. Names are compared byte
 * for byte, so the caller folds their case. Open addressing with linear probing; at most half of the slots are in use.
 */
export class NameTable<T> {
  readonly #key: HashKey = drawHashKey(KEY_WORDS);
  #entries: (Entry<T> | undefined)[] = new Array<undefined>(FIRST_SIZE).fill(undefined);
  #hashes = new Int32Array(FIRST_SIZE);
  #count = 0;

  /** Number of names. */
  get size(): number {
    return this.#count;
  }

  /**
   * Finds the value of a name.
   * @param space keeps equal names of different networks apart: a number from 0 to 2^23
   */
  find(space: number, bytes: Uint8Array, at: number, length: number): T | undefined {
    const slot = this.#slotOf(this.#hash(space, bytes, at, length), space, bytes, at, length);
    return this.#entries[slot]?.value;
  }

  /** Adds a name that the table doesn't have. The name isn't copied. */
  add(space: number, name: Uint8Array, value: T): void {
    if (2 * (this.#count + 1) > this.#hashes.length) this.#grow();
    const hash = this.#hash(space, name, 0, name.length);
    const slot = this.#slotOf(hash, space, name, 0, name.length);
    this.#entries[slot] = { space, name, value };
    this.#hashes[slot] = hash;
    this.#count++;
  }

  /** Removes a name, if the table has it. */
  delete(space: number, name: Uint8Array): void {
    const mask = this.#hashes.length - 1;
    let hole = this.#slotOf(this.#hash(space, name, 0, name.length), space, name, 0, name.length);
    if (this.#entries[hole] === undefined) return;
    // Entries after the hole that probing would no longer reach move into it.
    for (let slot = (hole + 1) & mask; this.#entries[slot] !== undefined; slot = (slot + 1) & mask) {
      const home = this.#hashes[slot] & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      this.#entries[hole] = this.#entries[slot];
      this.#hashes[hole] = this.#hashes[slot];
      hole = slot;
    }
    this.#entries[hole] = undefined;
    this.#count--;
  }

  /** The slot of a name, or the free one where it would be. */
  #slotOf(hash: number, space: number, bytes: Uint8Array, at: number, length: number): number {
    const entries = this.#entries;
    const hashes = this.#hashes;
    const mask = hashes.length - 1;
    let slot = hash & mask;
    for (;;) {
      const entry = entries[slot];
      if (entry === undefined) return slot;
      if (hashes[slot] === hash && entry.space === space && sameBytes(entry.name, bytes, at, length)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #hash(space: number, bytes: Uint8Array, at: number, length: number): number {
    const key = this.#key;
    let sum = addWord(key, beginHash(key), 0, (space << 8) | length);
    let word = 0;
    for (let i = 0; i < length; i++) {
      word = (word << 8) | bytes[at + i];
      if ((i & 3) === 3) {
        sum = addWord(key, sum, 1 + (i >> 2), word);
        word = 0;
      }
    }
    if ((length & 3) !== 0) sum = addWord(key, sum, 1 + (length >> 2), word);
    return finishHash(key, sum);
  }

  #grow(): void {
    const [entries, hashes] = [this.#entries, this.#hashes];
    const size = 2 * hashes.length;
    this.#entries = new Array<undefined>(size).fill(undefined);
    this.#hashes = new Int32Array(size);
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i];
      if (entry === undefined) continue;
      let slot = hashes[i] & (size - 1);
      while (this.#entries[slot] !== undefined) slot = (slot + 1) & (size - 1);
      this.#entries[slot] = entry;
      this.#hashes[slot] = hashes[i];
    }
  }
}

function sameBytes(name: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
  if (name.length !== length) return false;
  for (let i = 0; i < length; i++) if (name[i] !== bytes[at + i]) return false;
  return true;
}
