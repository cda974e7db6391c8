/** The side of a load balancer that faces the clients, or the backends. */
import { getWord } from '../../memory/internal.js';
import { formatIpv4, macOfIpv4, parseIpv4, parseMac } from '../../wire/index.js';

/** An interface of the balancer. */
export interface LegOptions {
  /** Its IPv4 address. */
  readonly address: string;
  /**
   * Its MAC.
   * @default 02:42 and the address, as Docker assigns them
   */
  readonly mac?: string;
}

/** An interface's address and MAC as words in network order. */
export class Leg {
  readonly address: number;
  /** The MAC's first 4 bytes and last 2. */
  readonly macHigh: number;
  readonly macLow: number;

  /** @throws VtepError if the address or the MAC is invalid */
  constructor({ address, mac }: LegOptions) {
    this.address = addressWord(address);
    const bytes = macOrDefault(address, mac);
    this.macHigh = getWord(bytes, 0);
    this.macLow = (bytes[4] << 8) | bytes[5];
  }
}

/** An IPv4 address as a signed word in network order. */
export function addressWord(address: string): number {
  return getWord(parseIpv4(address), 0);
}

/** The IPv4 address of a word. */
export function addressText(word: number): string {
  return formatIpv4(Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word));
}

/**
 * A MAC in 6 bytes: the given one, or the one that Docker derives from the address.
 * @throws VtepError if the address or the MAC is invalid
 */
export function macOrDefault(address: string, mac: string | undefined): Uint8Array {
  return mac === undefined ? macOfIpv4(parseIpv4(address)) : parseMac(mac);
}
