/** The security association database (RFC 4301 section 4.4.2): SAs by SPI and destination, as in the kernel. */
import { getWord, KeyIndex } from '../memory/internal.js';
import { formatIp } from '../wire/index.js';
import { IpsecError } from './error.js';
import type { InboundSa } from './inbound-sa.js';
import { SaRecord } from './sa-record.js';
import { SaTable, SaWord } from './sa-table.js';
import { formatSpi } from './security-association.js';

/** The fields that the database uses. */
export interface SadEntry {
  readonly spi: number;
  readonly family: 4 | 6;
  readonly destination: Uint8Array;
}

/** Default limit of SAs per family. */
const MAX_SAS = 1 << 20;

/** SAs of one direction. */
export class Sad<T extends SadEntry = InboundSa> {
  // One per family: an IPv4 key of two words is hashed and compared in a fraction of the time.
  readonly #ipv4: KeyIndex;
  readonly #ipv6: KeyIndex;
  readonly #ipv4Entries: (T | undefined)[] = [];
  readonly #ipv6Entries: (T | undefined)[] = [];
  /** @internal The rows of the IPv4 SAs, by the id that `id4` returns. */
  readonly rows4 = new SaTable();
  readonly #rows6 = new SaTable();

  /**
   * @param limit maximum number of SAs of each family
   * @throws VtepError `BAD_INDEX` for a limit below 1
   */
  constructor(limit: number = MAX_SAS) {
    this.#ipv4 = new KeyIndex(2, limit);
    this.#ipv6 = new KeyIndex(5, limit);
  }

  /** Number of SAs. */
  get size(): number {
    return this.#ipv4.size + this.#ipv6.size;
  }

  /**
   * Adds an SA.
   * @throws IpsecError `DUPLICATE_SPI` if one with its SPI and destination exists, `SAD_FULL`
   */
  add(entry: T): void {
    const { spi, family, destination } = entry;
    const index = this.#indexOf(entry);
    // Format the name only when needed: a large cluster adds many thousands.
    const name = (): string => `SPI ${formatSpi(spi)} to ${formatIp(family, destination)}`;
    if (index.find() >= 0) throw new IpsecError('DUPLICATE_SPI', `an SA with ${name()} already exists`);
    const id = index.add();
    if (id < 0) throw new IpsecError('SAD_FULL', `the SAD has no room for an SA with ${name()}`);
    (family === 4 ? this.#ipv4Entries : this.#ipv6Entries)[id] = entry;
    if (entry instanceof SaRecord) (family === 4 ? this.rows4 : this.#rows6).place(id, entry);
  }

  /**
   * Finds the SA of a packet.
   * @param family 4 or 6
   * @param bytes holds the destination address at `offset`
   */
  find(spi: number, family: number, bytes: Uint8Array, offset: number): T | undefined {
    if (family === 4) return this.find4(spi, getWord(bytes, offset));
    const { key } = this.#ipv6;
    key[0] = spi;
    for (let i = 0; i < 4; i++) key[1 + i] = getWord(bytes, offset + 4 * i);
    const id = this.#ipv6.find();
    return id < 0 ? undefined : this.#ipv6Entries[id];
  }

  /**
   * Finds the SA of an IPv4 packet.
   * @param destination its destination address as a 32-bit word, signed or not: 0xc0a83201 for 192.168.50.1
   */
  find4(spi: number, destination: number): T | undefined {
    const id = this.id4(spi, destination);
    return id < 0 ? undefined : this.#ipv4Entries[id];
  }

  /** @internal The id of an IPv4 packet's SA, or -1. */
  id4(spi: number, destination: number): number {
    const index = this.#ipv4;
    const { words, stride } = this.rows4;
    const id = index.find2In(words, stride, SaWord.Spi, SaWord.Destination, spi | 0, destination | 0);
    // An SA that is in another SAD as well has no row here.
    return id >= 0 ? id : index.find2(spi | 0, destination | 0);
  }

  /** @internal The id that an IPv4 packet's SA most likely has, or -1. */
  guess4(spi: number, destination: number): number {
    return this.#ipv4.guess2(spi, destination);
  }

  /** @internal The SA with an id. */
  entry4(id: number): T | undefined {
    return this.#ipv4Entries[id];
  }

  /** Removes an SA without closing it. Unknown SAs are ignored. */
  delete(entry: T): void {
    const index = this.#indexOf(entry);
    const entries = entry.family === 4 ? this.#ipv4Entries : this.#ipv6Entries;
    const id = index.find();
    if (id < 0 || entries[id] !== entry) return;
    index.delete(id);
    entries[id] = undefined;
    if (entry instanceof SaRecord) (entry.family === 4 ? this.rows4 : this.#rows6).remove(id, entry);
  }

  /** The index for an entry's family, with its key set. */
  #indexOf({ spi, family, destination }: T): KeyIndex {
    const index = family === 4 ? this.#ipv4 : this.#ipv6;
    index.key[0] = spi;
    for (let i = 1; i < index.key.length; i++) index.key[i] = getWord(destination, 4 * (i - 1));
    return index;
  }

  /** All SAs. */
  *[Symbol.iterator](): Generator<T> {
    for (const entry of this.#ipv4Entries) if (entry !== undefined) yield entry;
    for (const entry of this.#ipv6Entries) if (entry !== undefined) yield entry;
  }
}
