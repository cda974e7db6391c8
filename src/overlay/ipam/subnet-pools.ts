/** Subnets for networks that don't name one, cut from address pools as a swarm's manager cuts them. */
import { OverlayError } from '../error.js';
import { formatPrefix, type Prefix, prefixesOverlap } from '../prefix.js';
import { addressOf, lastOf, numberOf, sizeOf } from './ipv4-number.js';

/** Which free subnet a network gets. */
export const SubnetOrder = {
  /** The lowest free one: Docker 27.0 and later. */
  Lowest: 'lowest',
  /** The next one after the last that was given out, from the start again at the end: Docker 26 and earlier. */
  Next: 'next',
} as const;
export type SubnetOrder = (typeof SubnetOrder)[keyof typeof SubnetOrder];

/** Options of `SubnetPools`. */
export interface SubnetPoolsOptions {
  /**
   * IPv4 blocks to cut subnets from (`--default-addr-pool`).
   * @default 10.0.0.0/8
   */
  readonly pools?: readonly Prefix[];
  /**
   * Prefix length of the subnets in bits (`--default-addr-pool-mask-length`), at most 29.
   * @default 24
   */
  readonly length?: number;
  /** @default SubnetOrder.Lowest */
  readonly order?: SubnetOrder;
}

const DEFAULT_POOLS: readonly Prefix[] = [{ address: Uint8Array.of(10, 0, 0, 0), length: 8 }];
const DEFAULT_LENGTH = 24;
/** Smaller subnets have no room for a service. */
const MAX_LENGTH = 29;
/** Docker's text for it. */
const OVERLAP = 'Pool overlaps with other one on this address space';

/** Gives out subnets, none of which overlap. */
export class SubnetPools {
  readonly #pools: readonly Prefix[];
  readonly #length: number;
  readonly #order: SubnetOrder;
  /** Subnets in use; those with an own range may overlap. */
  readonly #used: Prefix[] = [];
  /**
   * Index of the subnet at which the next search starts, counted through all pools. Those before it are in use, unless
   * the order is next-fit.
   */
  #start = 0;

  /** @throws OverlayError `BAD_PREFIX` */
  constructor({ pools = DEFAULT_POOLS, length = DEFAULT_LENGTH, order = SubnetOrder.Lowest }: SubnetPoolsOptions = {}) {
    for (const pool of pools) {
      if (pool.address.length !== 4) throw new OverlayError('BAD_PREFIX', `${formatPrefix(pool)} is not IPv4`);
      if (length < pool.length || length > MAX_LENGTH) {
        throw new OverlayError(
          'BAD_PREFIX',
          `subnets of /${length} can't be cut from ${formatPrefix(pool)}; possible are /${pool.length} to /${MAX_LENGTH}`,
        );
      }
      const other = pools.slice(0, pools.indexOf(pool)).find((one) => prefixesOverlap(one, pool));
      if (other !== undefined) {
        throw new OverlayError('BAD_PREFIX', `the pools ${formatPrefix(other)} and ${formatPrefix(pool)} overlap`);
      }
    }
    this.#pools = pools;
    this.#length = length;
    this.#order = order;
  }

  /** Number of subnets that the pools hold. */
  get capacity(): number {
    return this.#pools.reduce((sum, pool) => sum + sizeOf(pool) / 2 ** (32 - this.#length), 0);
  }

  /**
   * Takes a free subnet.
   * @throws OverlayError `NO_SUBNET` with the arithmetic if there is none
   */
  take(): Prefix {
    const { capacity } = this;
    const start = this.#start;
    const first = this.#free(start, capacity);
    const index = first ?? (this.#order === SubnetOrder.Next ? this.#free(0, start) : undefined);
    if (index === undefined) {
      throw new OverlayError(
        'NO_SUBNET',
        `no subnet is left: ${this.#pools.map(formatPrefix).join(', ')} holds ${capacity} of /${this.#length},` +
          ` and all overlap one of the ${this.#used.length} in use`,
      );
    }
    const subnet = this.#at(index);
    this.#used.push(subnet);
    this.#start = this.#order === SubnetOrder.Next ? (index + 1) % capacity : index + 1;
    return subnet;
  }

  /**
   * Takes a given subnet.
   * @param shared whether it may overlap others: Docker doesn't compare pools that have an `--ip-range`
   * @throws OverlayError `REFUSED`, in Docker's words
   */
  claim(subnet: Prefix, shared = false): void {
    if (!shared && this.#used.some((used) => prefixesOverlap(used, subnet))) {
      throw new OverlayError('REFUSED', `invalid pool request: ${OVERLAP}`);
    }
    this.#used.push(subnet);
  }

  /** Frees a subnet. */
  release({ address, length }: Prefix): void {
    const index = this.#used.findIndex(
      (used) =>
        used.length === length &&
        used.address.length === address.length &&
        used.address.every((b, i) => b === address[i]),
    );
    if (index < 0) return;
    this.#used.splice(index, 1);
    if (this.#order === SubnetOrder.Lowest) this.#start = 0;
  }

  /** The subnet of an index. */
  #at(index: number): Prefix {
    let rest = index;
    for (const pool of this.#pools) {
      const count = sizeOf(pool) / 2 ** (32 - this.#length);
      if (rest < count) {
        return { address: addressOf(numberOf(pool.address) + rest * 2 ** (32 - this.#length)), length: this.#length };
      }
      rest -= count;
    }
    throw new RangeError(`there is no subnet ${index}`);
  }

  /** The first index in a range whose subnet is free. */
  #free(first: number, end: number): number | undefined {
    for (let index = first; index < end;) {
      const subnet = this.#at(index);
      const taken = this.#used.find((used) => prefixesOverlap(used, subnet));
      if (taken === undefined) return index;
      // All that the same one covers are skipped at once.
      const covered = lastOf(taken) - numberOf(subnet.address) + 1;
      const pool = this.#pools.find((one) => prefixesOverlap(one, subnet)) ?? subnet;
      const left = lastOf(pool) - numberOf(subnet.address) + 1;
      index += Math.ceil(Math.min(covered, left) / sizeOf(subnet));
    }
    return undefined;
  }
}
