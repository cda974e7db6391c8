/** The most recently sent frames, to compare delivered ones with byte for byte. */
import { WordCopy } from '../memory/internal.js';

/** How a delivered frame compares. */
export const FrameMatch = {
  /** Identical to a sent frame, delivered for the first time. */
  Exact: 0,
  /** Identical to one that was already delivered. */
  Again: 1,
  /** Identical to none that was sent (recently). */
  Unknown: 2,
} as const;
export type FrameMatch = (typeof FrameMatch)[keyof typeof FrameMatch];

/** Number of hash chains. */
const CHAINS = 1 << 12;
const NONE = -1;

/** Indices of frames by hash, each chain in order of arrival. */
class Chains {
  readonly #first = new Int32Array(CHAINS).fill(NONE);
  readonly #last = new Int32Array(CHAINS).fill(NONE);
  readonly #next: Int32Array;
  readonly #before: Int32Array;

  constructor(frames: number) {
    this.#next = new Int32Array(frames);
    this.#before = new Int32Array(frames);
  }

  /** The oldest index of a hash, or -1. */
  first(hash: number): number {
    return this.#first[hash];
  }

  /** The index after another one in its chain, or -1. */
  next(index: number): number {
    return this.#next[index];
  }

  append(hash: number, index: number): void {
    const last = this.#last[hash];
    this.#before[index] = last;
    this.#next[index] = NONE;
    if (last === NONE) this.#first[hash] = index;
    else this.#next[last] = index;
    this.#last[hash] = index;
  }

  remove(hash: number, index: number): void {
    const before = this.#before[index];
    const next = this.#next[index];
    if (before === NONE) this.#first[hash] = next;
    else this.#next[before] = next;
    if (next === NONE) this.#last[hash] = before;
    else this.#before[next] = before;
  }
}

/** A ring of frames: the newest replace the oldest. */
export class SentFrames {
  /** Frames that were replaced before they were delivered. */
  forgotten = 0;
  readonly #bytes: Buffer;
  readonly #copy: WordCopy;
  readonly #capacity: number;
  readonly #start: Int32Array;
  readonly #length: Int32Array;
  readonly #hash: Int32Array;
  /** 1 where the frame was delivered. */
  readonly #delivered: Uint8Array;
  readonly #waiting: Chains;
  readonly #done: Chains;
  /** Indices of the next frame and of the oldest one. */
  #next = 0;
  #oldest = 0;
  #count = 0;
  #end = 0;
  #waitingCount = 0;

  /**
   * @param frames maximum number of frames
   * @param bytes total bytes of all frames; at least twice the largest
   */
  constructor(frames = 4096, bytes = 16 << 20) {
    this.#capacity = frames;
    this.#bytes = Buffer.alloc(bytes);
    this.#copy = new WordCopy(this.#bytes);
    this.#start = new Int32Array(frames);
    this.#length = new Int32Array(frames);
    this.#hash = new Int32Array(frames);
    this.#delivered = new Uint8Array(frames);
    this.#waiting = new Chains(frames);
    this.#done = new Chains(frames);
  }

  /** Adds a sent frame. */
  add(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#end + length > this.#bytes.length) {
      // Frames after the last frame's end are older than all before it.
      while (this.#count > 0 && this.#start[this.#oldest] >= this.#end) this.#forget();
      this.#end = 0;
    }
    const at = this.#end;
    // Forget frames that overlap, the oldest first.
    while (this.#count > 0 && (this.#count === this.#capacity || this.#isOverlapping(at, length))) this.#forget();
    this.#copy.copy(bytes, start, end, at);
    const index = this.#next;
    this.#start[index] = at;
    this.#length[index] = length;
    this.#delivered[index] = 0;
    this.#hash[index] = hashOf(bytes, start, end);
    this.#waiting.append(this.#hash[index], index);
    this.#waitingCount++;
    this.#next = (index + 1) % this.#capacity;
    this.#count++;
    this.#end = at + length;
  }

  #isOverlapping(at: number, length: number): boolean {
    const start = this.#start[this.#oldest];
    return start < at + length && at < start + this.#length[this.#oldest];
  }

  #forget(): void {
    const index = this.#oldest;
    if (this.#delivered[index] === 1) {
      this.#done.remove(this.#hash[index], index);
    } else {
      this.#waiting.remove(this.#hash[index], index);
      this.#waitingCount--;
      this.forgotten++;
    }
    this.#oldest = (index + 1) % this.#capacity;
    this.#count--;
  }

  /** Matches a delivered frame. A frame that was sent twice is `Exact` twice before it is `Again`. */
  match(bytes: Buffer, start: number, end: number): FrameMatch {
    const hash = hashOf(bytes, start, end);
    // Of identical frames, take the oldest: it is the next to be forgotten.
    const index = this.#find(this.#waiting, hash, bytes, start, end);
    if (index !== NONE) {
      this.#waiting.remove(hash, index);
      this.#waitingCount--;
      this.#delivered[index] = 1;
      this.#done.append(hash, index);
      return FrameMatch.Exact;
    }
    return this.#find(this.#done, hash, bytes, start, end) === NONE ? FrameMatch.Unknown : FrameMatch.Again;
  }

  #find(chains: Chains, hash: number, bytes: Buffer, start: number, end: number): number {
    for (let index = chains.first(hash); index !== NONE; index = chains.next(index)) {
      if (this.#equals(index, bytes, start, end)) return index;
    }
    return NONE;
  }

  #equals(index: number, bytes: Buffer, start: number, end: number): boolean {
    const at = this.#start[index];
    const length = this.#length[index];
    return length === end - start && this.#bytes.compare(bytes, start, end, at, at + length) === 0;
  }

  /** Frames that were sent and not delivered, including forgotten ones. */
  get missing(): number {
    return this.forgotten + this.#waitingCount;
  }
}

/** The chain of a frame: a hash of its length and a sample of its bytes. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  let hash = length;
  const step = Math.max(1, length >> 5);
  for (let at = end - 1; at >= start; at -= step) hash = Math.imul(hash ^ bytes[at], 0x01000193);
  hash ^= hash >>> 15;
  return (hash ^ (hash >>> 12)) & (CHAINS - 1);
}
