/** The frames that were sent last, so that what is delivered can be held against them, byte for byte. */
import { copyBytes } from '../memory/index.js';

/** What a delivered frame is. */
export const FrameMatch = {
  /** A frame that was sent, for the first time. */
  Exact: 0,
  /** One that was delivered already. */
  Again: 1,
  /** None that was sent (lately): changed, or made up. */
  Unknown: 2,
} as const;
export type FrameMatch = (typeof FrameMatch)[keyof typeof FrameMatch];

/** Chains of frames with one hash. */
const CHAINS = 1 << 12;
const NONE = -1;

/** A ring of frames: the newest take the place of the oldest. */
export class SentFrames {
  /** Frames that had to make room before they were delivered. */
  forgotten = 0;
  readonly #bytes: Buffer;
  readonly #capacity: number;
  readonly #start: Int32Array;
  readonly #length: Int32Array;
  /** 0: the place is free; 1: sent; 2: delivered. */
  readonly #state: Uint8Array;
  /** Where the next frame goes, and the oldest one is. */
  #next = 0;
  #oldest = 0;
  #count = 0;
  #end = 0;
  /** Places by a hash of their frames: the first of each chain, and the next of each place. */
  readonly #heads: Int32Array;
  readonly #following: Int32Array;
  readonly #hash: Int32Array;

  /**
   * @param frames places
   * @param bytes of all frames together; at least two of the largest
   */
  constructor(frames = 4096, bytes = 16 << 20) {
    this.#capacity = frames;
    this.#bytes = Buffer.alloc(bytes);
    this.#start = new Int32Array(frames);
    this.#length = new Int32Array(frames);
    this.#state = new Uint8Array(frames);
    this.#heads = new Int32Array(CHAINS).fill(NONE);
    this.#following = new Int32Array(frames);
    this.#hash = new Int32Array(frames);
  }

  /** Remembers a frame. */
  add(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#end + length > this.#bytes.length) {
      // What stands behind the last frame's end is older than all before it.
      while (this.#count > 0 && this.#start[this.#oldest] >= this.#end) this.#forget();
      this.#end = 0;
    }
    const at = this.#end;
    // Whatever is in the way goes, the oldest first.
    while (this.#count > 0 && (this.#count === this.#capacity || this.#isInTheWay(at, length))) this.#forget();
    copyBytes(bytes, start, end, this.#bytes, at);
    const place = this.#next;
    this.#start[place] = at;
    this.#length[place] = length;
    this.#state[place] = 1;
    const hash = hashOf(bytes, start, end);
    this.#hash[place] = hash;
    this.#following[place] = this.#heads[hash];
    this.#heads[hash] = place;
    this.#next = (place + 1) % this.#capacity;
    this.#count++;
    this.#end = at + length;
  }

  #isInTheWay(at: number, length: number): boolean {
    const start = this.#start[this.#oldest];
    return start < at + length && at < start + this.#length[this.#oldest];
  }

  #forget(): void {
    const place = this.#oldest;
    if (this.#state[place] === 1) this.forgotten++;
    this.#state[place] = 0;
    // The oldest of its chain stands at its end.
    const hash = this.#hash[place];
    let before = NONE;
    for (let at = this.#heads[hash]; at !== place; at = this.#following[at]) before = at;
    if (before === NONE) this.#heads[hash] = this.#following[place];
    else this.#following[before] = this.#following[place];
    this.#oldest = (place + 1) % this.#capacity;
    this.#count--;
  }

  /** Looks for a delivered frame. One that was sent twice is matched twice before it is `Again`. */
  match(bytes: Buffer, start: number, end: number): FrameMatch {
    let again = false;
    let oldest = NONE;
    for (let at = this.#heads[hashOf(bytes, start, end)]; at !== NONE; at = this.#following[at]) {
      if (!this.#equals(at, bytes, start, end)) continue;
      again = true;
      // Of equal frames the oldest was meant; taking another would let it grow older until it has to go.
      if (this.#state[at] === 1) oldest = at;
    }
    if (oldest === NONE) return again ? FrameMatch.Again : FrameMatch.Unknown;
    this.#state[oldest] = 2;
    return FrameMatch.Exact;
  }

  #equals(place: number, bytes: Buffer, start: number, end: number): boolean {
    const at = this.#start[place];
    const length = this.#length[place];
    return length === end - start && this.#bytes.compare(bytes, start, end, at, at + length) === 0;
  }

  /** Frames that were sent and not delivered, those included that had to make room. */
  get missing(): number {
    let missing = this.forgotten;
    for (const state of this.#state) if (state === 1) missing++;
    return missing;
  }
}

/** Which chain a frame belongs to: of its length and of bytes all over it; the comparison tells the rest. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  let hash = length;
  const step = Math.max(1, length >> 5);
  for (let at = end - 1; at >= start; at -= step) hash = Math.imul(hash ^ bytes[at], 0x01000193);
  hash ^= hash >>> 15;
  return (hash ^ (hash >>> 12)) & (CHAINS - 1);
}
