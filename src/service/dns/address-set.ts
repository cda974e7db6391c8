import { type RandomOrder } from './random-order.js';

/** A set keeps its array when addresses go, unless less than a quarter of it is in use. */
const SPARSE = 4;

/**
 * The addresses of a name, each with those who claim it: an address that two endpoints claim is listed once, and remains
 * until both are gone. The addresses lie in one array in an arbitrary order, so an answer shuffles them in place.
 */
export class AddressSet {
  /** The addresses, in words of network order; only the first `count` are valid. */
  words: Int32Array;
  /** Number of addresses. */
  count = 0;
  /** Words of an address: 1 for IPv4, 4 for IPv6. */
  readonly size: number;
  /** Owners by address, one or several; undefined while there is at most one claim, as for most names. */
  #owners: Map<string, string | Set<string>> | undefined;
  /** The owner of the only claim. */
  #owner = '';

  constructor(size: 1 | 4) {
    this.size = size;
    this.words = new Int32Array(size);
  }

  /** Adds a claim. */
  claim(address: Uint8Array, owner: string): void {
    if (this.count === 0) {
      this.#push(address);
      this.#owner = owner;
      return;
    }
    if (this.#owners === undefined) {
      if (owner === this.#owner && this.#equals(0, address)) return;
      this.#owners = new Map([[this.words.subarray(0, this.size).join(), this.#owner]]);
    }
    const key = this.#keyOf(address);
    const owners = this.#owners.get(key);
    if (owners === undefined) {
      this.#owners.set(key, owner);
      this.#push(address);
    } else if (typeof owners !== 'string') {
      owners.add(owner);
    } else if (owners !== owner) {
      this.#owners.set(key, new Set([owners, owner]));
    }
  }

  /** Removes a claim, if there is one. */
  release(address: Uint8Array, owner: string): void {
    if (this.#owners === undefined) {
      if (this.count === 1 && owner === this.#owner && this.#equals(0, address)) this.count = 0;
      return;
    }
    const key = this.#keyOf(address);
    const owners = this.#owners.get(key);
    if (owners === undefined) return;
    if (typeof owners === 'string' ? owners !== owner : !owners.delete(owner) || owners.size > 0) return;
    this.#owners.delete(key);
    this.#drop(address);
    if (this.count === 0) this.#owners = undefined;
  }

  /** Moves a uniformly random choice of the addresses, in random order, to the front (Fisher-Yates). */
  shuffle(chosen: number, random: RandomOrder): void {
    const { words, count, size } = this;
    const last = Math.min(chosen, count - 1);
    for (let i = 0; i < last; i++) {
      const other = i + random.below(count - i);
      for (let word = 0; word < size; word++) {
        const held = words[i * size + word];
        words[i * size + word] = words[other * size + word];
        words[other * size + word] = held;
      }
    }
  }

  #push(address: Uint8Array): void {
    const at = this.count * this.size;
    if (at + this.size > this.words.length) {
      const wider = new Int32Array(2 * this.words.length);
      wider.set(this.words);
      this.words = wider;
    }
    for (let i = 0; i < this.size; i++) this.words[at + i] = wordAt(address, i);
    this.count++;
  }

  /** Moves the last address to the place of this one. */
  #drop(address: Uint8Array): void {
    const { words, size } = this;
    let index = 0;
    while (!this.#equals(index, address)) index++;
    this.count--;
    words.copyWithin(index * size, this.count * size, (this.count + 1) * size);
    const used = Math.max(1, this.count) * size;
    if (SPARSE * used <= words.length) this.words = words.slice(0, words.length / 2);
  }

  #keyOf(address: Uint8Array): string {
    return Array.from({ length: this.size }, (_, i) => wordAt(address, i)).join();
  }

  #equals(index: number, address: Uint8Array): boolean {
    for (let i = 0; i < this.size; i++) if (this.words[index * this.size + i] !== wordAt(address, i)) return false;
    return true;
  }
}

function wordAt(address: Uint8Array, index: number): number {
  const at = 4 * index;
  return (address[at] << 24) | (address[at + 1] << 16) | (address[at + 2] << 8) | address[at + 3];
}
