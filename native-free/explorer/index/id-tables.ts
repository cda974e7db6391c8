/** Small ids for what packets refer to: networks, directions between hosts, SAs. Each table is bounded by its ids' 16 bits. */
import { getWord, KeyIndex, putWord } from '../../../src/memory/internal.js';
import { formatIp } from '../../../src/wire/index.js';
import type { SaRow, TunnelRow } from './capture-index.js';
import { NO_ID } from './packet-columns.js';

/** Words of an IPv6 address. */
const WORDS = 4;
const IPV6 = 1;
const IN_UDP = 2;

function addressText(index: KeyIndex, id: number, first: number, isIpv6: boolean): string {
  const bytes = new Uint8Array(16);
  for (let i = 0; i < (isIpv6 ? WORDS : 1); i++) putWord(bytes, 4 * i, index.word(id, first + i));
  return formatIp(isIpv6 ? 6 : 4, bytes, 0);
}

/** VNIs by id. */
export class NetworkIds {
  readonly vnis: number[] = [];
  readonly #index = new KeyIndex(1, NO_ID);

  /** The id of a VNI, or `NO_ID` if there are too many. */
  of(vni: number): number {
    this.#index.key[0] = vni;
    const id = this.#index.add();
    if (id < 0) return NO_ID;
    if (id === this.vnis.length) this.vnis.push(vni);
    return id;
  }
}

/** Directions from one address to another. */
export class TunnelIds {
  readonly rows: TunnelRow[] = [];
  // Separate by length: nearly all are IPv4, and hashing ten words for two would be the most of the work.
  readonly #short = new KeyIndex(2, NO_ID);
  readonly #long = new KeyIndex(2 * WORDS, NO_ID);
  readonly #shortIds: number[] = [];
  readonly #longIds: number[] = [];

  /**
   * The id of a direction, or `NO_ID` if there are too many.
   * @param at offset of the source address, which the destination address follows
   */
  of(family: number, bytes: Uint8Array, at: number): number {
    const isIpv6 = family === 6;
    const index = isIpv6 ? this.#long : this.#short;
    const words = isIpv6 ? 2 * WORDS : 2;
    for (let i = 0; i < words; i++) index.key[i] = getWord(bytes, at + 4 * i);
    const ids = isIpv6 ? this.#longIds : this.#shortIds;
    const own = index.add();
    if (own < 0) return NO_ID;
    if (own < ids.length) return ids[own];
    const id = this.rows.length;
    if (id === NO_ID) {
      index.delete(own);
      return NO_ID;
    }
    ids.push(id);
    this.rows.push({
      source: addressText(index, own, 0, isIpv6),
      destination: addressText(index, own, words / 2, isIpv6),
    });
    return id;
  }
}

/** SAs as packets show them: SPI, destination, and whether they are in UDP. */
export class SaIds {
  readonly rows: SaRow[] = [];
  readonly #index = new KeyIndex(2 + WORDS, NO_ID);

  /**
   * The id of an SA, or `NO_ID` if there are too many.
   * @param addresses source and destination address, of 4 or 16 bytes each
   */
  of(spi: number, family: number, addresses: Uint8Array, inUdp: boolean): number {
    const isIpv6 = family === 6;
    const index = this.#index;
    const { key } = index;
    key[0] = spi;
    key[1] = (isIpv6 ? IPV6 : 0) | (inUdp ? IN_UDP : 0);
    for (let i = 0; i < WORDS; i++) {
      if (isIpv6) key[2 + i] = getWord(addresses, 16 + 4 * i);
      else key[2 + i] = i === 0 ? getWord(addresses, 4) : 0;
    }
    const id = index.add();
    if (id < 0) return NO_ID;
    if (id === this.rows.length) this.rows.push({ spi, destination: addressText(index, id, 2, isIpv6), inUdp });
    return id;
  }
}
