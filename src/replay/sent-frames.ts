/** The frames that were sent last, so that what is delivered can be held against them, byte for byte. */

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
  /** Where the next delivered frame is likely to stand. */
  #expected = 0;

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
  }

  /** Remembers a frame. */
  add(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#end + length > this.#bytes.length) this.#end = 0;
    const at = this.#end;
    // Whatever is in the way goes, the oldest first.
    while (this.#count > 0 && (this.#count === this.#capacity || this.#isInTheWay(at, length))) this.#forget();
    this.#bytes.set(bytes.subarray(start, end), at);
    this.#start[this.#next] = at;
    this.#length[this.#next] = length;
    this.#state[this.#next] = 1;
    this.#next = (this.#next + 1) % this.#capacity;
    this.#count++;
    this.#end = at + length;
  }

  #isInTheWay(at: number, length: number): boolean {
    const start = this.#start[this.#oldest];
    return start < at + length && at < start + this.#length[this.#oldest];
  }

  #forget(): void {
    if (this.#state[this.#oldest] === 1) this.forgotten++;
    this.#state[this.#oldest] = 0;
    this.#oldest = (this.#oldest + 1) % this.#capacity;
    this.#count--;
  }

  /** Looks for a delivered frame. One that was sent twice is matched twice before it is `Again`. */
  match(bytes: Buffer, start: number, end: number): FrameMatch {
    let again = false;
    let place = this.#expected;
    for (let step = 0; step < this.#capacity; step++) {
      if (this.#state[place] !== 0 && this.#equals(place, bytes, start, end)) {
        if (this.#state[place] === 1) {
          this.#state[place] = 2;
          this.#expected = (place + 1) % this.#capacity;
          return FrameMatch.Exact;
        }
        again = true;
      }
      place = (place + 1) % this.#capacity;
    }
    return again ? FrameMatch.Again : FrameMatch.Unknown;
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
