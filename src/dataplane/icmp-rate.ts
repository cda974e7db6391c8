/** Rate limit of ICMP errors (RFC 4443 section 2.4 f): one token bucket per receiving endpoint. */

/** Limits of the ICMP errors to one endpoint. The defaults are those of Linux's `icmp_msgs_per_sec` and `_burst`. */
export interface IcmpRateOptions {
  /**
   * Average rate, in messages per second.
   * @default 1000
   */
  readonly perSecond?: number;
  /**
   * Burst size, in messages.
   * @default 50
   */
  readonly burst?: number;
}

/**
 * A clock that goes back by more than this many seconds counts as reset. In a capture, one packet with a timestamp far
 * ahead would otherwise suppress messages until the clock catches up.
 */
const JUMP = 1;

/** Token buckets per endpoint: one that causes too many errors takes no tokens from the others. */
export class IcmpRate {
  readonly #perSecond: number;
  readonly #burst: number;
  /** The first bucket is for unknown endpoints; the others are by endpoint. */
  #tokens: Float64Array;
  #filled: Float64Array;

  /** @param endpoints number of endpoints */
  constructor(endpoints: number, { perSecond = 1000, burst = 50 }: IcmpRateOptions = {}) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = new Float64Array(endpoints + 1).fill(burst);
    this.#filled = new Float64Array(endpoints + 1);
  }

  /**
   * Takes a token for a message.
   * @param endpoint index of the receiving endpoint, or -1 if unknown
   * @param now seconds of the caller's clock
   * @returns whether the message may be sent
   */
  take(endpoint: number, now: number): boolean {
    const tokens = this.#tokens;
    const bucket = endpoint < 0 ? 0 : endpoint + 1;
    const since = now - this.#filled[bucket];
    if (since > 0) {
      tokens[bucket] = Math.min(this.#burst, tokens[bucket] + since * this.#perSecond);
      this.#filled[bucket] = now;
    } else if (since < -JUMP) {
      this.#filled[bucket] = now;
    }
    if (tokens[bucket] < 1) return false;
    tokens[bucket]--;
    return true;
  }
  /** Refills the bucket of an index that now belongs to another endpoint. */
  renew(endpoint: number): void {
    const bucket = endpoint + 1;
    if (bucket >= this.#tokens.length) {
      const capacity = Math.max(bucket + 1, 2 * this.#tokens.length);
      const tokens = new Float64Array(capacity);
      tokens.set(this.#tokens);
      const filled = new Float64Array(capacity);
      filled.set(this.#filled);
      this.#tokens = tokens;
      this.#filled = filled;
    }
    this.#tokens[bucket] = this.#burst;
    this.#filled[bucket] = 0;
  }
}
