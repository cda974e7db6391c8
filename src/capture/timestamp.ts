/** Capture timestamps: converts 64-bit tick counts of any resolution to seconds and nanoseconds and back, exactly. */

const NANO = 1e9;

/**
 * The last second whose nanoseconds fit 64 bits, in 2554: the latest time that is read or written. pcapng's resolutions
 * and offsets allow any time, and one absurd time must not prevent writing all other packets.
 */
export const MAX_SECONDS = Math.floor(2 ** 64 / NANO) - 1;

/** Splits tick counts of one resolution into seconds and nanoseconds; one per interface. */
export class TickClock {
  /** Whole seconds of the last `split`. */
  seconds = 0;
  /** Nanoseconds of the last `split`; finer ticks are truncated. */
  nanoseconds = 0;
  /** Ticks per second. */
  readonly ticksPerSecond: number;
  /** Whether a tick isn't a whole number of nanoseconds, so that `split` can't be exact. */
  readonly inexact: boolean;
  readonly #offset: number;
  readonly #limbs: boolean;
  readonly #resolution: number;

  /**
   * @param resolution pcapng's `if_tsresol`: n for 10^-n seconds, 0x80 | n for 2^-n seconds
   * @param offset seconds to add (`if_tsoffset`)
   */
  constructor(resolution: number, offset = 0) {
    const exponent = resolution & 0x7f;
    this.ticksPerSecond = (resolution & 0x80) !== 0 ? 2 ** exponent : 10 ** exponent;
    this.inexact = NANO % this.ticksPerSecond !== 0;
    // Long division by 16-bit limbs keeps every remainder * 65536 below 2^53 for up to 2^37 ticks per second; ticks
    // that aren't a decimal fraction of a second would lose bits.
    this.#limbs = this.ticksPerSecond <= 2 ** 37 && (!this.inexact || (resolution & 0x80) === 0);
    this.#offset = offset;
    this.#resolution = resolution;
  }

  /**
   * Splits a tick count since 1970.
   * @param high upper 32 bits
   * @param low lower 32 bits
   */
  split(high: number, low: number): void {
    if (!this.#limbs) {
      this.#splitHuge(high, low);
      return;
    }
    const divisor = this.ticksPerSecond;
    // Schoolbook division, 16 bits per digit.
    const digit3 = Math.floor((high >>> 16) / divisor);
    let rest = ((high >>> 16) - digit3 * divisor) * 65536 + (high & 0xffff);
    const digit2 = Math.floor(rest / divisor);
    rest = (rest - digit2 * divisor) * 65536 + (low >>> 16);
    const digit1 = Math.floor(rest / divisor);
    rest = (rest - digit1 * divisor) * 65536 + (low & 0xffff);
    const digit0 = Math.floor(rest / divisor);
    rest -= digit0 * divisor;
    this.seconds = ((digit3 * 65536 + digit2) * 65536 + digit1) * 65536 + digit0 + this.#offset;
    this.nanoseconds = divisor <= NANO ? rest * (NANO / divisor) : Math.floor(rest / (divisor / NANO));
  }

  // For resolutions that no capture program writes, so the cost of BigInt per packet is acceptable.
  #splitHuge(high: number, low: number): void {
    const ticks = (BigInt(high) << 32n) | BigInt(low);
    // Not derived from ticksPerSecond: a double represents powers of ten exactly only up to 10^22.
    const binary = (this.#resolution & 0x80) !== 0;
    const divisor = (binary ? 2n : 10n) ** BigInt(this.#resolution & 0x7f);
    this.seconds = Number(ticks / divisor) + this.#offset;
    this.nanoseconds = Number(((ticks % divisor) * 1_000_000_000n) / divisor);
  }
}

/** Nanoseconds since 1970 as two 32-bit halves; reused, filled by `join`. */
export class NanosecondTicks {
  high = 0;
  low = 0;

  /**
   * Converts a time to a 64-bit count of nanoseconds.
   * @param seconds whole seconds, 0 to 2^34
   * @param nanoseconds 0 to 999,999,999
   */
  join(seconds: number, nanoseconds: number): void {
    const upper = Math.floor(seconds / 65536) * NANO;
    const lower = (seconds % 65536) * NANO + nanoseconds;
    const sum = (upper % 65536) * 65536 + lower;
    this.high = Math.floor(upper / 65536) + Math.floor(sum / 2 ** 32);
    this.low = sum % 2 ** 32;
  }
}
