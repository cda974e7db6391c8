/** Small integers for conversations: keys of VNI, addresses, ports and protocol, equal in both directions. */
import { getWord, KeyIndex } from '../../memory/internal.js';

/** VNI, two addresses, both ports, protocol. */
const SHORT_WORDS = 5;
const LONG_WORDS = 11;
const IPV6_WORDS = 4;

/**
 * A bounded index of conversations. The end with the smaller address (or, if they are equal, the smaller port) comes
 * first in a key, so that both directions have the same one.
 */
export class ConversationIndex {
  /** Direction of the packet that was looked up last: 0 if its source is the first end of the key, else 1. */
  direction: 0 | 1 = 0;
  /** Its id. */
  last = -1;
  // Separate by key size: nearly all packets are IPv4.
  readonly #short: KeyIndex;
  readonly #long: KeyIndex;

  /** @param limit maximum number of keys of each IP version */
  constructor(limit: number) {
    this.#short = new KeyIndex(SHORT_WORDS, limit);
    this.#long = new KeyIndex(LONG_WORDS, limit);
  }

  /**
   * Returns the id of a packet's conversation, adding it if it is new; -1 if the index is full. Ids of IPv4 are even,
   * those of IPv6 odd.
   * @param vni -1 for none
   * @param family IP version
   * @param addressOffset offset of the source address in `bytes`; the destination address follows it
   */
  add(
    vni: number,
    family: number,
    protocol: number,
    bytes: Uint8Array,
    addressOffset: number,
    sourcePort: number,
    destinationPort: number,
  ): number {
    this.last =
      family === 4
        ? this.#add4(vni, protocol, bytes, addressOffset, sourcePort, destinationPort)
        : this.#add6(vni, protocol, bytes, addressOffset, sourcePort, destinationPort);
    return this.last;
  }

  /** Deletes a key. */
  delete(id: number): void {
    (id % 2 === 0 ? this.#short : this.#long).delete(id >> 1);
  }

  /** A word of an address of the key with this id, from the left; an IPv4 address has one, and 0 after it. */
  addressWord(id: number, end: 0 | 1, word: number): number {
    if (id % 2 !== 0) return this.#long.word(id >> 1, 1 + end * IPV6_WORDS + word);
    return word === 0 ? this.#short.word(id >> 1, 1 + end) : 0;
  }

  #add4(vni: number, protocol: number, bytes: Uint8Array, at: number, from: number, to: number): number {
    const index = this.#short;
    const { key } = index;
    const source = getWord(bytes, at);
    const destination = getWord(bytes, at + 4);
    const swapped = source > destination || (source === destination && from > to);
    this.direction = swapped ? 1 : 0;
    key[0] = vni;
    key[1] = swapped ? destination : source;
    key[2] = swapped ? source : destination;
    key[3] = swapped ? (to << 16) | from : (from << 16) | to;
    key[4] = protocol;
    const id = index.add();
    return id < 0 ? -1 : 2 * id;
  }

  #add6(vni: number, protocol: number, bytes: Uint8Array, at: number, from: number, to: number): number {
    const index = this.#long;
    const { key } = index;
    let order = 0;
    for (let i = 0; i < IPV6_WORDS && order === 0; i++) {
      order = getWord(bytes, at + 4 * i) - getWord(bytes, at + 16 + 4 * i);
    }
    if (order === 0) order = from - to;
    const swapped = order > 0;
    this.direction = swapped ? 1 : 0;
    const first = swapped ? at + 16 : at;
    const second = swapped ? at : at + 16;
    key[0] = vni;
    for (let i = 0; i < IPV6_WORDS; i++) {
      key[1 + i] = getWord(bytes, first + 4 * i);
      key[1 + IPV6_WORDS + i] = getWord(bytes, second + 4 * i);
    }
    key[9] = swapped ? (to << 16) | from : (from << 16) | to;
    key[10] = protocol;
    const id = index.add();
    return id < 0 ? -1 : 2 * id + 1;
  }
}
