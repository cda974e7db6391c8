/**
 * The anti-replay window (RFC 4303 section 3.4.3 and appendix A): a ring of bits of the sequence numbers seen, advanced
 * by clearing words, never by shifting (the idea of RFC 6479). Sequence numbers are 64 bits in two halves; without ESN
 * the high-order one is 0.
 */
import { IpsecError } from './error.js';

/** The window's verdict on a sequence number. */
export const ReplayVerdict = { Fresh: 0, Replayed: 1, Outside: 2 } as const;
export type ReplayVerdict = (typeof ReplayVerdict)[keyof typeof ReplayVerdict];

const WORD = 2 ** 32;
/** Smallest window in packets, required by RFC 4303 section 3.4.3. */
export const MIN_REPLAY_WINDOW = 32;
/** Largest window in packets, as in Linux. */
export const MAX_REPLAY_WINDOW = 4096;

/** The window of one SA in one direction. */
export class ReplayWindow {
  /** Size in sequence numbers; 0 disables the check. */
  readonly size: number;
  /** The highest sequence number accepted; 0 before the first. */
  high = 0;
  low = 0;
  /** Number of distinct sequence numbers accepted. */
  accepted = 0;

  readonly #ring: Int32Array;
  readonly #mask: number;
  /** Whether the first number may be any and positions the window. */
  readonly #midStream: boolean;
  /** The sequence number before the first expected one. */
  #baseHigh = 0;
  #baseLow = 0;

  /**
   * @param size 32 to 4096, or 0 for no check
   * @param midStream accept any first number, for an SA observed mid-stream
   * @throws IpsecError `BAD_REPLAY_WINDOW`
   */
  constructor(size: number, midStream = false) {
    if (!Number.isInteger(size) || (size !== 0 && (size < MIN_REPLAY_WINDOW || size > MAX_REPLAY_WINDOW))) {
      throw new IpsecError(
        'BAD_REPLAY_WINDOW',
        `a replay window has ${MIN_REPLAY_WINDOW} to ${MAX_REPLAY_WINDOW} packets, or 0 for none, not ${size}`,
      );
    }
    this.size = size;
    this.#midStream = midStream;
    // One word more than the window: its two ends must not share a word.
    let words = 1;
    while (words * 32 < size + 32) words *= 2;
    this.#ring = new Int32Array(size === 0 ? 0 : words);
    this.#mask = words - 1;
  }

  /** Whether no number has been accepted yet. */
  get empty(): boolean {
    return this.accepted === 0;
  }

  /**
   * Infers the high-order half of a sequence number from its low-order half (RFC 4303 appendix A2.1): the one that puts
   * it into the window or, failing that, after it.
   * @returns the high-order half, or -1 if the number would be before the first
   */
  inferHigh(low: number): number {
    const { high } = this;
    if (this.#midStream && this.accepted === 0) return this.#nearestHigh(low);
    const bottom = this.low - this.size + 1;
    // Case A: the window is within one subspace of 2^32. Case B: it reaches back into the previous subspace.
    if (bottom >= 0) return low >= bottom ? high : high + 1;
    return low >= bottom + WORD ? high - 1 : high;
  }

  /** Before the first packet: the subspace in which the number is nearest to the expected position. */
  #nearestHigh(low: number): number {
    if (low - this.low > WORD / 2 && this.high > 0) return this.high - 1;
    if (this.low - low > WORD / 2) return this.high + 1;
    return this.high;
  }

  /** Sets the expected position before the first packet (from a dump of the SA), for a window created with `midStream`. */
  expect(high: number, low: number): void {
    this.high = high;
    this.low = low;
  }

  /**
   * Checks a packet's sequence number. Changes nothing: the ICV must be verified first.
   * @param high high-order half (0 without ESN), or -1 for a number before the first
   */
  check(high: number, low: number): ReplayVerdict {
    if (this.size === 0) return ReplayVerdict.Fresh;
    if (high < 0 || (high === 0 && low === 0)) return ReplayVerdict.Outside;
    if (this.#midStream && this.accepted === 0) return ReplayVerdict.Fresh;
    const ahead = (high - this.high) * WORD + (low - this.low);
    if (ahead > 0) return ReplayVerdict.Fresh;
    if (-ahead >= this.size) return ReplayVerdict.Outside;
    return (this.#ring[(low >>> 5) & this.#mask] & (1 << (low & 31))) === 0
      ? ReplayVerdict.Fresh
      : ReplayVerdict.Replayed;
  }

  /** Marks a sequence number as seen, after `check` called it fresh and the ICV was verified. */
  update(high: number, low: number): void {
    // Without a window, duplicates of numbers that aren't ahead can't be detected.
    if (this.size === 0 && this.accepted > 0 && !this.#isAhead(high, low)) return;
    const first = this.accepted++ === 0;
    if (first && this.#midStream) this.#begin(high, low);
    else this.#advance(high, low);
    if (this.size !== 0) this.#ring[(low >>> 5) & this.#mask] |= 1 << (low & 31);
  }

  #isAhead(high: number, low: number): boolean {
    return (high - this.high) * WORD + (low - this.low) > 0;
  }

  #begin(high: number, low: number): void {
    this.high = high;
    this.low = low;
    this.#baseHigh = low === 0 ? high - 1 : high;
    this.#baseLow = low === 0 ? WORD - 1 : low - 1;
  }

  #advance(high: number, low: number): void {
    const ahead = (high - this.high) * WORD + (low - this.low);
    if (ahead <= 0) {
      // Mid-stream, the first packet seen wasn't the first one sent.
      if ((high - this.#baseHigh) * WORD + (low - this.#baseLow) <= 0) {
        this.#baseHigh = low === 0 ? high - 1 : high;
        this.#baseLow = low === 0 ? WORD - 1 : low - 1;
      }
      return;
    }
    if (this.size !== 0) {
      const ring = this.#ring;
      const mask = this.#mask;
      const words = Math.min(ring.length, wordsBetween(this.low, ahead));
      let at = this.low >>> 5;
      for (let i = 0; i < words; i++) ring[++at & mask] = 0;
    }
    this.high = high;
    this.low = low;
  }

  /** Sequence numbers between the first and the highest that haven't arrived (yet). */
  get missing(): number {
    if (this.accepted === 0) return 0;
    return (this.high - this.#baseHigh) * WORD + (this.low - this.#baseLow) - this.accepted;
  }

  /** Missing numbers that are before the window, so that they can no longer be accepted. */
  get lost(): number {
    if (this.accepted === 0) return 0;
    const span = (this.high - this.#baseHigh) * WORD + (this.low - this.#baseLow);
    const inside = Math.min(span, this.size);
    let arrived = 0;
    for (let back = 0; back < inside; back++) {
      const low = (this.low - back) >>> 0;
      if ((this.#ring[(low >>> 5) & this.#mask] & (1 << (low & 31))) !== 0) arrived++;
    }
    return this.missing - (inside - arrived);
  }
}

/** Words of the ring that begin between a number and the one `ahead` of it. */
function wordsBetween(low: number, ahead: number): number {
  return Math.floor(((low & 31) + ahead) / 32);
}
