/** Lifetime of an SA: soft limits signal that it needs a successor, hard limits end it (RFC 4301 section 4.4.2.1). */
import { IpsecError } from './error.js';

/** Limits of one kind; omitted ones don't apply. */
export interface SaLimit {
  readonly packets?: number;
  /** Bytes of ESP payload, before padding. */
  readonly bytes?: number;
  /** Seconds since the SA was created. */
  readonly seconds?: number;
}

/** Soft and hard limits. */
export interface SaLimits {
  readonly soft?: SaLimit;
  readonly hard?: SaLimit;
}

/** Lifetime state of an SA. */
export const LifetimeState = { Valid: 0, Soft: 1, Hard: 2 } as const;
export type LifetimeState = (typeof LifetimeState)[keyof typeof LifetimeState];

/** @throws IpsecError `BAD_LIMIT` unless every limit is greater than 0 */
export function checkLimits(limits: SaLimits | undefined, name: string): void {
  for (const limit of [limits?.soft, limits?.hard]) {
    for (const [what, value] of Object.entries(limit ?? {}) as [string, number | undefined][]) {
      if (value !== undefined && !(value > 0)) {
        throw new IpsecError('BAD_LIMIT', `${name}: the limit on ${what} must be greater than 0, not ${value}`);
      }
    }
  }
}

function limitOf(value: number | undefined, what: string): number {
  if (value === undefined) return Number.POSITIVE_INFINITY;
  if (!(value > 0)) throw new IpsecError('BAD_LIMIT', `the limit on ${what} must be greater than 0, not ${value}`);
  return value;
}

/** What counts towards the limits. */
export interface LifetimeCounters {
  packets: number;
  /** Bytes of ESP payload, before padding. */
  bytes: number;
}

/** What an SA has carried, against its limits. The clock is the caller's. */
export class Lifetime {
  state: LifetimeState = LifetimeState.Valid;
  /** Creation time of the SA, in seconds of the caller's clock. */
  readonly created: number;
  /** @internal Whether there is any limit: most SAs have none, which saves six comparisons per packet. */
  readonly limited: boolean;
  /** Hard limits: packets, bytes, and a second of the clock; infinite if there is none. */
  readonly hardPackets: number;
  readonly hardBytes: number;
  readonly hardTime: number;
  readonly #softPackets: number;
  readonly #softBytes: number;
  readonly #softTime: number;
  #counters: LifetimeCounters = { packets: 0, bytes: 0 };

  /**
   * @param created creation time of the SA, in seconds of the clock that later calls use
   * @throws IpsecError `BAD_LIMIT`
   */
  constructor(limits: SaLimits = {}, created = 0) {
    const { soft = {}, hard = {} } = limits;
    this.created = created;
    this.limited = [soft, hard].some((limit) => Object.values(limit).some((value) => value !== undefined));
    this.#softPackets = limitOf(soft.packets, 'packets');
    this.#softBytes = limitOf(soft.bytes, 'bytes');
    this.#softTime = created + limitOf(soft.seconds, 'seconds');
    this.hardPackets = limitOf(hard.packets, 'packets');
    this.hardBytes = limitOf(hard.bytes, 'bytes');
    this.hardTime = created + limitOf(hard.seconds, 'seconds');
  }

  /** @internal Counts in an SA's row from now on. */
  countIn(counters: LifetimeCounters): this {
    this.#counters = counters;
    return this;
  }

  get packets(): number {
    return this.#counters.packets;
  }

  set packets(count: number) {
    this.#counters.packets = count;
  }

  /** Bytes of ESP payload, before padding. */
  get bytes(): number {
    return this.#counters.bytes;
  }

  set bytes(count: number) {
    this.#counters.bytes = count;
  }

  /** Whether one more packet may pass: until a hard limit is reached (the kernel's xfrm_state_check_expire). */
  allows(seconds: number): boolean {
    if (!this.limited) return true;
    if (this.state === LifetimeState.Hard) return false;
    if (this.packets < this.hardPackets && this.bytes < this.hardBytes && seconds < this.hardTime) return true;
    this.state = LifetimeState.Hard;
    return false;
  }

  /** Counts a packet that passed. */
  count(bytes: number, seconds: number): void {
    const packets = ++this.packets;
    const total = (this.bytes += bytes);
    if (!this.limited || this.state !== LifetimeState.Valid) return;
    if (packets >= this.#softPackets || total >= this.#softBytes || seconds >= this.#softTime) {
      this.state = LifetimeState.Soft;
    }
  }
}
