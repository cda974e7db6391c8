import { type RandomOrder } from './random-order.js';

const FIRST_WORDS = 4;

/**
 * The addresses of a name, each with those who claim it: an address that two endpoints claim is listed once, and remains
 * until both are gone. The addresses lie in one array in an arbitrary order, so an answer shuffles them in place.
 */
export class AddressSet {
  /** The addresses, in words of network order; only the first `count` are valid. */
  words = new Int32Array(FIRST_WORDS);
  /** Number of addresses. */
  count = 0;
  /** Words of an address: 1 for IPv4, 4 for IPv6. */
  readonly size: number;
  readonly #claims = new Map<string, Set<string>>();

  constructor(size: 1 | 4) {
    this.size = size;
  }

  /** Adds a claim. */
  claim(address: Uint8Array, owner: string): void {
    const key = address.join('.');
    const owners = this.#claims.get(key);
    if (owners !== undefined) {
      owners.add(owner);
      return;
    }
    this.#claims.set(key, new Set([owner]));
    const at = this.count * this.size;
    if (at + this.size > this.words.length) {
      const wider = new Int32Array(2 * this.words.length);
      wider.set(this.words);
      this.words = wider;
    }
    for (let i = 0; i < this.size; i++) this.words[at + i] = wordAt(address, i);
    this.count++;
  }

  /** Removes a claim, if there is one. */
  release(address: Uint8Array, owner: string): void {
    const key = address.join('.');
    const owners = this.#claims.get(key);
    if (owners?.delete(owner) !== true || owners.size > 0) return;
    this.#claims.delete(key);
    const { words, size } = this;
    this.count--;
    for (let i = 0; i < this.count; i++) {
      if (this.#equals(i, address)) {
        words.copyWithin(i * size, this.count * size, (this.count + 1) * size);
        break;
      }
    }
    if (words.length > FIRST_WORDS && 4 * this.count * size < words.length) {
      this.words = words.slice(0, words.length / 2);
    }
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

  #equals(index: number, address: Uint8Array): boolean {
    for (let i = 0; i < this.size; i++) if (this.words[index * this.size + i] !== wordAt(address, i)) return false;
    return true;
  }
}

function wordAt(address: Uint8Array, index: number): number {
  const at = 4 * index;
  return (address[at] << 24) | (address[at + 1] << 16) | (address[at + 2] << 8) | address[at + 3];
}
