/** Directions between two IP addresses as small integers: id and id ^ 1 are the two directions of a pair. */
import { getWord, KeyIndex, putWord } from '../../memory/internal.js';
import { formatIp } from '../../wire/index.js';

/** Words of an IPv4 pair's key: scope and both addresses; an IPv6 address has four. */
const SHORT_WORDS = 3;
const LONG_WORDS = 9;

/** The scope of pairs outside of networks. */
export const OUTSIDE = -1;

/** A bounded list of address pairs, each within a scope: a VNI, or none. */
export class AddressPairs {
  /** Packets of pairs that the full list couldn't take. */
  unlisted = 0;
  /** Maximum number of pairs. */
  readonly limit: number;
  readonly #outsideLimit: number;
  #outside = 0;
  readonly #short: KeyIndex;
  readonly #long: KeyIndex;
  readonly #shortRows: number[] = [];
  readonly #longRows: number[] = [];
  /** Of each row, 2 * id in its index, plus 1 for IPv6. */
  readonly #rows: number[] = [];
  /** Texts of addresses: one string for all pairs that an address is in. */
  readonly #texts4 = new Map<number, string>();
  readonly #texts6 = new Map<string, string>();
  readonly #address = new Uint8Array(32);
  readonly #source = new Int32Array(6);

  /**
   * @param limit maximum number of pairs
   * @param outsideLimit maximum number of those outside of networks, so that a node's other traffic leaves room
   */
  constructor(limit: number, outsideLimit: number = limit) {
    this.limit = limit;
    this.#outsideLimit = outsideLimit;
    this.#short = new KeyIndex(SHORT_WORDS, limit);
    this.#long = new KeyIndex(LONG_WORDS, limit);
  }

  /** Number of pairs outside of networks. */
  get outside(): number {
    return this.#outside;
  }

  /** One more than the largest id. */
  get span(): number {
    return 2 * this.#rows.length;
  }

  /**
   * The id of the direction from one address to another, added if it is new; -1 if the list is full.
   * @param family 4 or 6
   * @param at offset of the source address, which the destination follows
   */
  of(scope: number, family: number, bytes: Uint8Array, at: number): number {
    if (family !== 4) return this.#ofLong(scope, bytes, at);
    const source = getWord(bytes, at);
    const destination = getWord(bytes, at + 4);
    const { key } = this.#short;
    key[0] = scope;
    if (source > destination) {
      key[1] = destination;
      key[2] = source;
      return this.#direction(this.#short, this.#shortRows, 0, 1);
    }
    key[1] = source;
    key[2] = destination;
    return this.#direction(this.#short, this.#shortRows, 0, 0);
  }

  /** The id of the direction that `putWords` wrote at `at`, for the same or another list; likewise. */
  ofWords(words: Int32Array, at: number): number {
    const family = words[at + 1];
    const size = family === 4 ? 1 : 4;
    for (let i = 0; i < size; i++) {
      putWord(this.#address, 4 * i, words[at + 2 + i]);
      putWord(this.#address, 4 * (size + i), words[at + 6 + i]);
    }
    return this.of(words[at], family, this.#address, 0);
  }

  /** Writes ten words: scope, IP version, and source and destination in four words each. */
  putWords(id: number, words: Int32Array, at: number): void {
    this.putSource(id ^ 1, this.#source);
    words.set(this.#source, at + 4);
    this.putSource(id, this.#source);
    words.set(this.#source, at);
  }

  /** The scope of a direction. */
  scope(id: number): number {
    const row = this.#rows[id >> 1];
    return (row & 1 ? this.#long : this.#short).word(row >> 1, 0);
  }

  /** The source address as text. */
  source(id: number): string {
    return this.#text(id >> 1, id & 1);
  }

  /** The destination address as text. */
  destination(id: number): string {
    return this.#text(id >> 1, 1 - (id & 1));
  }

  /**
   * Writes what names the source of a direction: scope, IP version, and four integers of the address, of which IPv4 needs one.
   * @param words gets six integers
   */
  putSource(id: number, words: Int32Array): void {
    const row = this.#rows[id >> 1];
    const isLong = (row & 1) === 1;
    const index = isLong ? this.#long : this.#short;
    const count = isLong ? 4 : 1;
    words[0] = index.word(row >> 1, 0);
    words[1] = isLong ? 6 : 4;
    for (let i = 0; i < 4; i++) words[2 + i] = i < count ? index.word(row >> 1, 1 + (id & 1) * count + i) : 0;
  }

  /** Whether the destination is a group: multicast, or the limited broadcast address. */
  isGroup(id: number): boolean {
    const row = this.#rows[id >> 1];
    const second = (id & 1) === 0;
    if ((row & 1) === 1) return this.#long.word(row >> 1, second ? 5 : 1) >>> 24 === 0xff;
    return this.#short.word(row >> 1, second ? 2 : 1) >>> 28 >= 0xe;
  }

  #ofLong(scope: number, bytes: Uint8Array, at: number): number {
    let order = 0;
    for (let i = 0; i < 4 && order === 0; i++) order = getWord(bytes, at + 4 * i) - getWord(bytes, at + 16 + 4 * i);
    const swapped = order > 0;
    const { key } = this.#long;
    key[0] = scope;
    for (let i = 0; i < 4; i++) {
      key[1 + i] = getWord(bytes, at + (swapped ? 16 : 0) + 4 * i);
      key[5 + i] = getWord(bytes, at + (swapped ? 0 : 16) + 4 * i);
    }
    return this.#direction(this.#long, this.#longRows, 1, swapped ? 1 : 0);
  }

  #direction(index: KeyIndex, rows: number[], long: 0 | 1, direction: 0 | 1): number {
    const id = index.add();
    if (id >= 0 && id < rows.length) return 2 * rows[id] + direction;
    const isOutside = index.key[0] === OUTSIDE;
    if (id < 0 || this.#rows.length === this.limit || (isOutside && this.#outside === this.#outsideLimit)) {
      if (id >= 0) index.delete(id);
      this.unlisted++;
      return -1;
    }
    if (isOutside) this.#outside++;
    rows.push(this.#rows.length);
    this.#rows.push(2 * id + long);
    return 2 * rows[id] + direction;
  }

  #text(row: number, which: number): string {
    const entry = this.#rows[row];
    const long = (entry & 1) === 1;
    const index = long ? this.#long : this.#short;
    const words = long ? 4 : 1;
    const first = index.word(entry >> 1, 1 + which * words);
    const known = long ? undefined : this.#texts4.get(first);
    if (known !== undefined) return known;
    const address = this.#address;
    for (let i = 0; i < words; i++) putWord(address, 4 * i, index.word(entry >> 1, 1 + which * words + i));
    const text = formatIp(long ? 6 : 4, address, 0);
    if (!long) this.#texts4.set(first, text);
    else {
      const same = this.#texts6.get(text);
      if (same !== undefined) return same;
      this.#texts6.set(text, text);
    }
    return text;
  }
}
