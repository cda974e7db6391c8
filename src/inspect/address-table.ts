/** IP addresses as small integers, so that other tables can key on them; their text is made once each. */
import { KeyIndex } from '../memory/key-index.js';
import { formatIp, type Layers } from '../wire/index.js';

/** A bounded list of IP addresses. */
export class AddressTable {
  /** Addresses of packets that found no room. */
  unlisted = 0;
  readonly #limit: number;
  // One for each family: an IPv4 key of one word is hashed and compared in a fraction of the time.
  readonly #ipv4: KeyIndex;
  readonly #ipv6: KeyIndex;
  readonly #ipv4Numbers: number[] = [];
  readonly #ipv6Numbers: number[] = [];
  readonly #texts: string[] = [];

  /** @param limit addresses that it holds at the most */
  constructor(limit: number) {
    this.#limit = limit;
    this.#ipv4 = new KeyIndex(1, limit);
    this.#ipv6 = new KeyIndex(4, limit);
  }

  /**
   * The number of the source address of a walked packet, which is added if it is new; -1 if the table is full.
   * @param bytes what `layers` points into
   */
  source(bytes: Uint8Array, layers: Layers): number {
    return this.#add(bytes, layers.family, layers.addressOffset);
  }

  /** The number of the destination address, likewise. */
  destination(bytes: Uint8Array, layers: Layers): number {
    return this.#add(bytes, layers.family, layers.addressOffset + (layers.family === 4 ? 4 : 16));
  }

  /** The number of an address of IP version `family` at `offset`, likewise. */
  at(family: number, bytes: Uint8Array, offset: number): number {
    return this.#add(bytes, family, offset);
  }

  /** The text of an address by its number. */
  text(id: number): string {
    return this.#texts[id] ?? '(others)';
  }

  #add(bytes: Uint8Array, family: number, offset: number): number {
    const index = family === 4 ? this.#ipv4 : this.#ipv6;
    const numbers = family === 4 ? this.#ipv4Numbers : this.#ipv6Numbers;
    const { key } = index;
    for (let i = 0; i < key.length; i++) {
      const at = offset + 4 * i;
      key[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    }
    const id = index.add();
    if (id < 0) {
      this.unlisted++;
      return -1;
    }
    if (id === numbers.length) {
      if (this.#texts.length === this.#limit) {
        index.delete(id);
        this.unlisted++;
        return -1;
      }
      numbers.push(this.#texts.length);
      this.#texts.push(formatIp(family, bytes, offset));
    }
    return numbers[id];
  }
}
