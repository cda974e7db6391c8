/** When each packet may go: pure arithmetic, in milliseconds of whatever clock the caller has. */

/** By what packets are paced. */
export type Pace =
  /** As they were captured, so many times as fast. */
  | { readonly by: 'timestamps'; readonly speed: number }
  /** So many packets a second. */
  | { readonly by: 'packets'; readonly rate: number }
  /** So many Mbit/s of the frames' bytes, without preamble, check sequence and gap. */
  | { readonly by: 'bits'; readonly rate: number }
  /** Each as soon as the one before it is gone. */
  | { readonly by: 'none' };

/** What may be caught up. Packets that are later than this move all that follow, so that a stall ends in no burst. */
export const MAX_BEHIND_MS = 100;

/** Says when packets may go, one after another. */
export class Pacer {
  /** How late a packet went at the worst; 0 where none has a time to go. */
  worstMs = 0;
  readonly #pace: Pace;
  #start = Number.NaN;
  #firstSeconds = 0;
  #firstNanoseconds = 0;
  /** Since the start, when the last packet was due, and when the next is where no time says so. */
  #elapsed = 0;
  #next = 0;
  #due = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /**
   * When the next packet is due; the first is at once.
   * @param now the time
   * @param seconds when it was captured, whole seconds
   * @param nanoseconds within the second
   * @param bytes its length
   * @returns a time on the clock of `now`, `now` itself for one that is late
   */
  due(now: number, seconds: number, nanoseconds: number, bytes: number): number {
    const pace = this.#pace;
    if (pace.by === 'none') return (this.#due = now);
    if (Number.isNaN(this.#start)) {
      this.#start = now;
      this.#firstSeconds = seconds;
      this.#firstNanoseconds = nanoseconds;
    }
    if (pace.by === 'timestamps') {
      const since = (seconds - this.#firstSeconds) * 1000 + (nanoseconds - this.#firstNanoseconds) / 1e6;
      // A packet that is older than the one before it goes right behind that.
      this.#elapsed = Math.max(this.#elapsed, since / pace.speed);
    } else {
      this.#elapsed = this.#next;
      this.#next += pace.by === 'packets' ? 1000 / pace.rate : (bytes * 8) / (pace.rate * 1000);
    }
    this.#due = this.#start + this.#elapsed;
    const behind = now - this.#due;
    if (behind > MAX_BEHIND_MS) this.#start += behind;
    return Math.max(now, this.#due);
  }

  /**
   * Takes note of when the packet that was due last went.
   * @param now the time on the same clock
   */
  went(now: number): void {
    if (this.#pace.by !== 'none') this.worstMs = Math.max(this.worstMs, now - this.#due);
  }
}
