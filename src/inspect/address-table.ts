/** IP addresses as small integers, so that other tables can key on them; their text is made once each. */
import { KeyIndex } from '../memory/key-index.js';
import { formatIp, type Layers } from '../wire/index.js';

const WORDS = 5;

/** A bounded list of IP addresses. */
export class AddressTable {
  readonly #index: KeyIndex;
  readonly #texts: string[] = [];

  /** @param limit addresses that it holds at the most */
  constructor(limit: number) {
    this.#index = new KeyIndex(WORDS, limit);
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

  /** The text of an address by its number. */
  text(id: number): string {
    return this.#texts[id] ?? '(others)';
  }

  #add(bytes: Uint8Array, family: number, offset: number): number {
    const { key } = this.#index;
    const words = family === 4 ? 1 : 4;
    for (let i = 0; i < 4; i++) {
      const at = offset + 4 * i;
      key[i] = i < words ? (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3] : 0;
    }
    key[4] = family;
    const id = this.#index.add();
    if (id === this.#texts.length) this.#texts.push(formatIp(family, bytes, offset));
    return id;
  }
}
