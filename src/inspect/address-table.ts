/** IP addresses as small integer ids that other tables can use as keys; each is formatted once. */
import { KeyIndex } from '../memory/internal.js';
import { formatIp, type Layers } from '../wire/index.js';

/** A bounded list of IP addresses. */
export class AddressTable {
  /** Packets with addresses that the full table couldn't list. */
  unlisted = 0;
  readonly #limit: number;
  // One per family: a one-word IPv4 key is much faster to hash and compare.
  readonly #ipv4: KeyIndex;
  readonly #ipv6: KeyIndex;
  readonly #ipv4Ids: number[] = [];
  readonly #ipv6Ids: number[] = [];
  readonly #texts: string[] = [];
  #byText: Map<string, number> | undefined;

  /** @param limit maximum number of addresses */
  constructor(limit: number) {
    this.#limit = limit;
    this.#ipv4 = new KeyIndex(1, limit);
    this.#ipv6 = new KeyIndex(4, limit);
  }

  /**
   * Returns the id of a parsed packet's source address, adding it if it is new; -1 if the table is full.
   * @param bytes the bytes that `layers` refers to
   */
  source(bytes: Uint8Array, layers: Layers): number {
    return this.#add(bytes, layers.family, layers.addressOffset);
  }

  /** Likewise, for the destination address. */
  destination(bytes: Uint8Array, layers: Layers): number {
    return this.#add(bytes, layers.family, layers.addressOffset + (layers.family === 4 ? 4 : 16));
  }

  /** Likewise, for an address of IP version `family` at `offset`. */
  at(family: number, bytes: Uint8Array, offset: number): number {
    return this.#add(bytes, family, offset);
  }

  /** Whether an address couldn't be listed, or another one can't be. */
  get full(): boolean {
    return this.unlisted > 0 || this.#texts.length >= this.#limit;
  }

  /**
   * The id of an address by its text, for a report: it is added if it is new, but packets with it get another id.
   * @param text as `text` returns it
   */
  idOf(text: string): number {
    this.#byText ??= new Map(this.#texts.map((each, id) => [each, id]));
    let id = this.#byText.get(text);
    if (id === undefined) {
      id = this.#texts.push(text) - 1;
      this.#byText.set(text, id);
    }
    return id;
  }

  /** The text of an address, by id. */
  text(id: number): string {
    return this.#texts[id] ?? '(others)';
  }

  #add(bytes: Uint8Array, family: number, offset: number): number {
    const index = family === 4 ? this.#ipv4 : this.#ipv6;
    const ids = family === 4 ? this.#ipv4Ids : this.#ipv6Ids;
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
    if (id === ids.length) {
      if (this.#texts.length === this.#limit) {
        index.delete(id);
        this.unlisted++;
        return -1;
      }
      ids.push(this.#texts.length);
      this.#texts.push(formatIp(family, bytes, offset));
    }
    return ids[id];
  }
}
