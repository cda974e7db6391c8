/**
 * The anti-replay window (RFC 4303 section 3.4.3 and appendix A): which sequence numbers came, as a ring of bits that
 * is advanced by clearing words, never by shifting (the idea of RFC 6479). Sequence numbers are 64 bits as two halves;
 * without ESN the upper one is 0.
 */
import { IpsecError } from './error.js';

/** What the window says of a sequence number. */
export const ReplayVerdict = { Fresh: 0, Replayed: 1, Outside: 2 } as const;
export type ReplayVerdict = (typeof ReplayVerdict)[keyof typeof ReplayVerdict];

const WORD = 2 ** 32;
/** Packets of the smallest window, which RFC 4303 section 3.4.3 asks for. */
export const MIN_REPLAY_WINDOW = 32;
/** Packets of the largest window, as in Linux. */
export const MAX_REPLAY_WINDOW = 4096;

/** A window of one SA in one direction. */
export class ReplayWindow {
  /** Sequence numbers that it looks back; 0: it lets everything pass. */
  readonly size: number;
  /** The highest sequence number that was accepted; 0 before the first. */
  high = 0;
  low = 0;
  /** Different sequence numbers that were accepted. */
  accepted = 0;

  readonly #ring: Int32Array;
  readonly #mask: number;
  /** Whether the first number sets the place, wherever it is. */
  readonly #late: boolean;
  /** The sequence number before the first that is expected. */
  #baseHigh = 0;
  #baseLow = 0;

  /**
   * @param size 32 to 4096, or 0 for no check
   * @param late whether the first number may be any: for who listens to an SA that is in use already
   * @throws IpsecError `BAD_REPLAY_WINDOW`
   */
  constructor(size: number, late = false) {
    if (!Number.isInteger(size) || (size !== 0 && (size < MIN_REPLAY_WINDOW || size > MAX_REPLAY_WINDOW))) {
      throw new IpsecError(
        'BAD_REPLAY_WINDOW',
        `a replay window has ${MIN_REPLAY_WINDOW} to ${MAX_REPLAY_WINDOW} packets, or 0 for none, not ${size}`,
      );
    }
    this.size = size;
    this.#late = late;
    // One word more than the window: the words of its two ends must not be the same one.
    let words = 1;
    while (words * 32 < size + 32) words *= 2;
    this.#ring = new Int32Array(size === 0 ? 0 : words);
    this.#mask = words - 1;
  }

  /** Whether no number was accepted yet. */
  get empty(): boolean {
    return this.accepted === 0;
  }

  /**
   * The upper half of a sequence number of which a packet shows the lower (RFC 4303 appendix A2.1): the one that puts it
   * into the window or, failing that, after it.
   * @returns the upper half, or -1 where it would lie before the first
   */
  inferHigh(low: number): number {
    const { high } = this;
    if (this.#late && this.accepted === 0) return this.#nearestHigh(low);
    const bottom = this.low - this.size + 1;
    // Case A: the window lies within one run of the lower half. Case B: it reaches back into the run before.
    if (bottom >= 0) return low >= bottom ? high : high + 1;
    return low >= bottom + WORD ? high - 1 : high;
  }

  /** Before the first packet: the run that brings it nearest to where the caller said that the SA stands. */
  #nearestHigh(low: number): number {
    if (low - this.low > WORD / 2 && this.high > 0) return this.high - 1;
    if (this.low - low > WORD / 2) return this.high + 1;
    return this.high;
  }

  /** Sets where the SA stands before the first packet (a dump of it says that), for a window that begins late. */
  expect(high: number, low: number): void {
    this.high = high;
    this.low = low;
  }

  /**
   * What is to be said of a packet's sequence number. Changes nothing: the ICV comes first.
   * @param high upper half (0 without ESN), or -1 for a number before the first
   */
  check(high: number, low: number): ReplayVerdict {
    if (this.size === 0) return ReplayVerdict.Fresh;
    if (high < 0 || (high === 0 && low === 0)) return ReplayVerdict.Outside;
    if (this.#late && this.accepted === 0) return ReplayVerdict.Fresh;
    const ahead = (high - this.high) * WORD + (low - this.low);
    if (ahead > 0) return ReplayVerdict.Fresh;
    if (-ahead >= this.size) return ReplayVerdict.Outside;
    return (this.#ring[(low >>> 5) & this.#mask] & (1 << (low & 31))) === 0
      ? ReplayVerdict.Fresh
      : ReplayVerdict.Replayed;
  }

  /** Accepts a sequence number that `check` called fresh and whose packet's ICV is right. */
  update(high: number, low: number): void {
    // Without a window there is no telling whether what isn't ahead came already.
    if (this.size === 0 && this.accepted > 0 && !this.#isAhead(high, low)) return;
    const first = this.accepted++ === 0;
    if (first && this.#late) this.#begin(high, low);
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
      // A late listener's first packet wasn't the first one sent.
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

  /** Sequence numbers between the first and the highest that did not come (yet). */
  get missing(): number {
    if (this.accepted === 0) return 0;
    return (this.high - this.#baseHigh) * WORD + (this.low - this.#baseLow) - this.accepted;
  }

  /** Of the missing ones, those that can't come any more: they lie before the window. */
  get lost(): number {
    if (this.accepted === 0) return 0;
    const span = (this.high - this.#baseHigh) * WORD + (this.low - this.#baseLow);
    const inside = Math.min(span, this.size);
    let came = 0;
    for (let back = 0; back < inside; back++) {
      const low = (this.low - back) >>> 0;
      if ((this.#ring[(low >>> 5) & this.#mask] & (1 << (low & 31))) !== 0) came++;
    }
    return this.missing - (inside - came);
  }
}

/** Words of the ring that begin between a number and one that lies `ahead` of it. */
function wordsBetween(low: number, ahead: number): number {
  return Math.floor(((low & 31) + ahead) / 32);
}
