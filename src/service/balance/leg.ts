/** The side of a load balancer that faces the clients, or the backends. */
import { getWord } from '../../memory/internal.js';
import { macOfIpv4, parseIpv4, parseMac } from '../../wire/index.js';

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

/** An interface as words, the way packets hold them. */
export class Leg {
  readonly address: number;
  /** The MAC's first 4 bytes and last 2. */
  readonly macHigh: number;
  readonly macLow: number;

  /** @throws VtepError if the address or the MAC is invalid */
  constructor({ address, mac }: LegOptions) {
    this.address = addressWord(address);
    const bytes = mac === undefined ? macOfIpv4(parseIpv4(address)) : parseMac(mac);
    this.macHigh = getWord(bytes, 0);
    this.macLow = (bytes[4] << 8) | bytes[5];
  }
}

/** An IPv4 address as a signed word in network order. */
export function addressWord(address: string): number {
  return getWord(parseIpv4(address), 0);
}
