/**
 * The anti-replay window (RFC 4303 section 3.4.3 and appendix A): a ring of bits of the sequence numbers seen, advanced
 * by clearing words, never by shifting (the idea of RFC 6479). Sequence numbers are 64 bits in two halves; without ESN
 * the high-order one is 0.
 */
import { IpsecError } from './error.js';
import { ownMemory, type SaMemory } from './sa-table.js';

/** The window's verdict on a sequence number. */
export const ReplayVerdict = { Fresh: 0, Replayed: 1, Outside: 2 } as const;
export type ReplayVerdict = (typeof ReplayVerdict)[keyof typeof ReplayVerdict];

const WORD = 2 ** 32;
/** Smallest window in packets, required by RFC 4303 section 3.4.3. */
export const MIN_REPLAY_WINDOW = 32;
/** Largest window in packets, as in Linux. */
export const MAX_REPLAY_WINDOW = 4096;

/** Words of a window before its ring: those of `WindowFloat`, then those of `WindowWord`. */
const HEADER_WORDS = 8;
/** 64-bit floats of a window. High-order halves may be -1. */
const WindowFloat = { High: 0, BaseHigh: 1, Accepted: 2 } as const;
/** 32-bit words of a window. */
const WindowWord = { Low: 6, BaseLow: 7 } as const;

/** The window of one SA in one direction. */
export class ReplayWindow {
  /** Size in sequence numbers; 0 disables the check. */
  readonly size: number;
  /** @internal Number of words in the ring, a power of two, minus 1. */
  readonly mask: number;
  /** @internal Whether the first number may be any and positions the window. */
  readonly midStream: boolean;
  /** @internal Where the window is: in the row of its SA, or in memory of its own. */
  memory: SaMemory;
  /** @internal Index of its first word. */
  at = 0;

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
    this.midStream = midStream;
    // One word more than the window: its two ends must not share a word.
    let ring = 1;
    while (ring * 32 < size + 32) ring *= 2;
    this.mask = ring - 1;
    this.memory = ownMemory(this.words);
  }

  /** @internal Words that it needs. */
  get words(): number {
    return HEADER_WORDS + (this.size === 0 ? 0 : this.mask + 1);
  }

  /** @internal Whether it is in no SA's row. */
  get isAlone(): boolean {
    return !this.memory.shared;
  }

  /** @internal Moves to other memory, which has zeros from word `at` on. */
  moveTo(memory: SaMemory, at: number): void {
    memory.words.set(this.memory.words.subarray(this.at, this.at + this.words), at);
    this.memory = memory;
    this.at = at;
  }

  /** @internal */
  moveOut(): void {
    this.moveTo(ownMemory(this.words), 0);
  }

  /** The highest sequence number accepted; 0 before the first. */
  get high(): number {
    return this.memory.floats[(this.at >>> 1) + WindowFloat.High];
  }

  get low(): number {
    return this.memory.words[this.at + WindowWord.Low] >>> 0;
  }

  /** Number of distinct sequence numbers accepted. */
  get accepted(): number {
    return this.memory.floats[(this.at >>> 1) + WindowFloat.Accepted];
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
    return inferHigh(this.memory, this.at, this.size, this.midStream, low);
  }

  /** Sets the expected position before the first packet (from a dump of the SA), for a window created with `midStream`. */
  expect(high: number, low: number): void {
    setPosition(this.memory, this.at, high, low);
  }

  /**
   * Checks a packet's sequence number. Changes nothing: the ICV must be verified first.
   * @param high high-order half (0 without ESN), or -1 for a number before the first
   */
  check(high: number, low: number): ReplayVerdict {
    return checkSequence(this.memory, this.at, this.size, this.mask, this.midStream, high, low);
  }

  /** Marks a sequence number as seen, after `check` called it fresh and the ICV was verified. */
  update(high: number, low: number): void {
    markSequence(this.memory, this.at, this.size, this.mask, this.midStream, high, low);
  }

  /** Sequence numbers between the first and the highest that haven't arrived (yet). */
  get missing(): number {
    if (this.accepted === 0) return 0;
    return this.#span - this.accepted;
  }

  /** Missing numbers that are before the window, so that they can no longer be accepted. */
  get lost(): number {
    if (this.accepted === 0) return 0;
    const { words } = this.memory;
    const inside = Math.min(this.#span, this.size);
    let arrived = 0;
    for (let back = 0; back < inside; back++) {
      const low = (this.low - back) >>> 0;
      if ((words[ringWord(this.at, this.mask, low)] & (1 << (low & 31))) !== 0) arrived++;
    }
    return this.missing - (inside - arrived);
  }

  /** Sequence numbers from the first expected to the highest. */
  get #span(): number {
    return sinceBase(this.memory, this.at, this.high, this.low);
  }
}

/** `ReplayWindow.inferHigh` for a window at word `at`. */
export function inferHigh(memory: SaMemory, at: number, size: number, midStream: boolean, low: number): number {
  const { words, floats } = memory;
  const high = floats[(at >>> 1) + WindowFloat.High];
  const top = words[at + WindowWord.Low] >>> 0;
  if (midStream && floats[(at >>> 1) + WindowFloat.Accepted] === 0) {
    // Before the first packet: the subspace in which the number is nearest to the expected position.
    if (low - top > WORD / 2 && high > 0) return high - 1;
    return top - low > WORD / 2 ? high + 1 : high;
  }
  const bottom = top - size + 1;
  // Case A: the window is within one subspace of 2^32. Case B: it reaches back into the previous subspace.
  if (bottom >= 0) return low >= bottom ? high : high + 1;
  return low >= bottom + WORD ? high - 1 : high;
}

/** `ReplayWindow.check` for a window at word `at`. */
export function checkSequence(
  memory: SaMemory,
  at: number,
  size: number,
  mask: number,
  midStream: boolean,
  high: number,
  low: number,
): ReplayVerdict {
  if (size === 0) return ReplayVerdict.Fresh;
  if (high < 0 || (high === 0 && low === 0)) return ReplayVerdict.Outside;
  const { words, floats } = memory;
  if (midStream && floats[(at >>> 1) + WindowFloat.Accepted] === 0) return ReplayVerdict.Fresh;
  const ahead = (high - floats[(at >>> 1) + WindowFloat.High]) * WORD + (low - (words[at + WindowWord.Low] >>> 0));
  if (ahead > 0) return ReplayVerdict.Fresh;
  if (-ahead >= size) return ReplayVerdict.Outside;
  return (words[ringWord(at, mask, low)] & (1 << (low & 31))) === 0 ? ReplayVerdict.Fresh : ReplayVerdict.Replayed;
}

/** `ReplayWindow.update` for a window at word `at`. */
export function markSequence(
  memory: SaMemory,
  at: number,
  size: number,
  mask: number,
  midStream: boolean,
  high: number,
  low: number,
): void {
  const { words, floats } = memory;
  const before = words[at + WindowWord.Low] >>> 0;
  const ahead = (high - floats[(at >>> 1) + WindowFloat.High]) * WORD + (low - before);
  const accepted = floats[(at >>> 1) + WindowFloat.Accepted];
  // Without a window, duplicates of numbers that aren't ahead can't be detected.
  if (size === 0 && accepted > 0 && ahead <= 0) return;
  floats[(at >>> 1) + WindowFloat.Accepted] = accepted + 1;
  if (accepted === 0 && midStream) {
    setPosition(memory, at, high, low);
    setBase(memory, at, high, low);
  } else if (ahead > 0) {
    if (size !== 0) {
      const ring = at + HEADER_WORDS;
      const cleared = Math.min(mask + 1, wordsBetween(before, ahead));
      let word = before >>> 5;
      for (let i = 0; i < cleared; i++) words[ring + (++word & mask)] = 0;
    }
    setPosition(memory, at, high, low);
  } else if (sinceBase(memory, at, high, low) <= 0) {
    // Mid-stream, the first packet seen wasn't the first one sent.
    setBase(memory, at, high, low);
  }
  if (size !== 0) words[ringWord(at, mask, low)] |= 1 << (low & 31);
}

/** Index of the word with a number's bit. */
export function ringWord(at: number, mask: number, low: number): number {
  return at + HEADER_WORDS + ((low >>> 5) & mask);
}

function setPosition({ words, floats }: SaMemory, at: number, high: number, low: number): void {
  floats[(at >>> 1) + WindowFloat.High] = high;
  words[at + WindowWord.Low] = low;
}

/** Sets the first expected number. */
function setBase({ words, floats }: SaMemory, at: number, high: number, low: number): void {
  floats[(at >>> 1) + WindowFloat.BaseHigh] = low === 0 ? high - 1 : high;
  words[at + WindowWord.BaseLow] = low - 1;
}

/** How far a number is after the one before the first expected. */
function sinceBase({ words, floats }: SaMemory, at: number, high: number, low: number): number {
  return (high - floats[(at >>> 1) + WindowFloat.BaseHigh]) * WORD + (low - (words[at + WindowWord.BaseLow] >>> 0));
}

/** Words of the ring that begin between a number and the one `ahead` of it. */
function wordsBetween(low: number, ahead: number): number {
  return Math.floor(((low & 31) + ahead) / 32);
}
