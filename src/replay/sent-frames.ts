/** The frames that were sent last, so that what is delivered can be held against them, byte for byte. */
import { WordCopy } from '../memory/word-copy.js';

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

/** Places whose frames have one hash, in the order in which they came, for each hash. */
class Chains {
  readonly #first = new Int32Array(CHAINS).fill(NONE);
  readonly #last = new Int32Array(CHAINS).fill(NONE);
  readonly #next: Int32Array;
  readonly #before: Int32Array;

  constructor(places: number) {
    this.#next = new Int32Array(places);
    this.#before = new Int32Array(places);
  }

  /** The oldest place of a hash, or -1. */
  first(hash: number): number {
    return this.#first[hash];
  }

  /** The place that came after another one, or -1. */
  next(place: number): number {
    return this.#next[place];
  }

  append(hash: number, place: number): void {
    const last = this.#last[hash];
    this.#before[place] = last;
    this.#next[place] = NONE;
    if (last === NONE) this.#first[hash] = place;
    else this.#next[last] = place;
    this.#last[hash] = place;
  }

  remove(hash: number, place: number): void {
    const before = this.#before[place];
    const next = this.#next[place];
    if (before === NONE) this.#first[hash] = next;
    else this.#next[before] = next;
    if (next === NONE) this.#last[hash] = before;
    else this.#before[next] = before;
  }
}

/** A ring of frames: the newest take the place of the oldest. */
export class SentFrames {
  /** Frames that had to make room before they were delivered. */
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
  /** Where the next frame goes, and the oldest one is. */
  #next = 0;
  #oldest = 0;
  #count = 0;
  #end = 0;
  #waitingCount = 0;

  /**
   * @param frames places
   * @param bytes of all frames together; at least two of the largest
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
    this.#copy.copy(bytes, start, end, at);
    const place = this.#next;
    this.#start[place] = at;
    this.#length[place] = length;
    this.#delivered[place] = 0;
    this.#hash[place] = hashOf(bytes, start, end);
    this.#waiting.append(this.#hash[place], place);
    this.#waitingCount++;
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
    if (this.#delivered[place] === 1) {
      this.#done.remove(this.#hash[place], place);
    } else {
      this.#waiting.remove(this.#hash[place], place);
      this.#waitingCount--;
      this.forgotten++;
    }
    this.#oldest = (place + 1) % this.#capacity;
    this.#count--;
  }

  /** Looks for a delivered frame. One that was sent twice is matched twice before it is `Again`. */
  match(bytes: Buffer, start: number, end: number): FrameMatch {
    const hash = hashOf(bytes, start, end);
    // Of equal frames the oldest was meant; taking another would let it grow older until it has to go.
    const place = this.#find(this.#waiting, hash, bytes, start, end);
    if (place !== NONE) {
      this.#waiting.remove(hash, place);
      this.#waitingCount--;
      this.#delivered[place] = 1;
      this.#done.append(hash, place);
      return FrameMatch.Exact;
    }
    return this.#find(this.#done, hash, bytes, start, end) === NONE ? FrameMatch.Unknown : FrameMatch.Again;
  }

  #find(chains: Chains, hash: number, bytes: Buffer, start: number, end: number): number {
    for (let place = chains.first(hash); place !== NONE; place = chains.next(place)) {
      if (this.#equals(place, bytes, start, end)) return place;
    }
    return NONE;
  }

  #equals(place: number, bytes: Buffer, start: number, end: number): boolean {
    const at = this.#start[place];
    const length = this.#length[place];
    return length === end - start && this.#bytes.compare(bytes, start, end, at, at + length) === 0;
  }

  /** Frames that were sent and not delivered, those included that had to make room. */
  get missing(): number {
    return this.forgotten + this.#waitingCount;
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
