/** The addresses of one IPv4 subnet, in the order in which a swarm's manager gives them out. */
import { OverlayError } from '../error.js';
import { formatPrefix, type Prefix, prefixContains } from '../prefix.js';
import { addressOf, lastOf, numberOf } from './ipv4-number.js';
import { SerialIds } from './serial-ids.js';

/** Subnets longer than this have neither a network nor a broadcast address (RFC 3021). */
const LAST_WITH_BROADCAST = 30;

/**
 * A subnet's addresses: gateway, virtual IPs, tasks and load balancers all come from it, each the next free one after
 * the one before.
 */
export class AddressPool {
  readonly subnet: Prefix;
  /** The part of the subnet in which addresses are searched for (`--ip-range`). */
  readonly range: Prefix;
  readonly #first: number;
  readonly #last: number;
  readonly #ids = new SerialIds();
  /** Network and broadcast address. */
  readonly #reserved: readonly number[];

  /**
   * @param subnet an IPv4 subnet
   * @param range a part of it. Default: all of it
   * @throws OverlayError `BAD_PREFIX` if a subnet isn't IPv4 or doesn't contain its range
   */
  constructor(subnet: Prefix, range: Prefix = subnet) {
    if (subnet.address.length !== 4) throw new OverlayError('BAD_PREFIX', `${formatPrefix(subnet)} is not IPv4`);
    if (range.length < subnet.length || !prefixContains(subnet, range.address)) {
      throw new OverlayError(
        'BAD_PREFIX',
        `ipam configuration: subnet ${formatPrefix(subnet)} does not contain range ${formatPrefix(range)}`,
      );
    }
    this.subnet = subnet;
    this.range = range;
    this.#first = numberOf(range.address);
    this.#last = lastOf(range);
    this.#reserved = subnet.length <= LAST_WITH_BROADCAST ? [numberOf(subnet.address), lastOf(subnet)] : [];
    for (const id of this.#reserved) this.#ids.claim(id);
  }

  /** Number of addresses that the range has for gateway, virtual IPs, tasks and load balancers. */
  get capacity(): number {
    const reserved = this.#reserved.filter((id) => id >= this.#first && id <= this.#last).length;
    return this.#last - this.#first + 1 - reserved;
  }

  /** Number of addresses in use, in and outside the range. */
  get used(): number {
    return this.#ids.size - this.#reserved.length;
  }

  /**
   * Takes the next free address of the range.
   * @returns 4 bytes, or undefined if there is none
   */
  take(): Uint8Array | undefined {
    const id = this.#ids.take(this.#first, this.#last);
    return id === undefined ? undefined : addressOf(id);
  }

  /**
   * Takes a given address. It may be outside the range, and doesn't change which one is taken next.
   * @returns false if it is in use, or the subnet's network or broadcast address
   * @throws OverlayError `BAD_PREFIX` if it is outside the subnet
   */
  claim(address: Uint8Array): boolean {
    if (!prefixContains(this.subnet, address)) {
      throw new OverlayError('BAD_PREFIX', 'requested address is out of range');
    }
    return this.#ids.claim(numberOf(address));
  }

  /** Frees an address. It is given out again only when the search has come round to it. */
  release(address: Uint8Array): void {
    const id = numberOf(address);
    if (!this.#reserved.includes(id)) this.#ids.release(id);
  }
}
