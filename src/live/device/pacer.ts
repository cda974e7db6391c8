/** Schedules packets: pure arithmetic, in milliseconds of the caller's clock. */

/** How packets are paced. */
export type Pace =
  /** By capture timestamps, `speed` times as fast. */
  | { readonly by: 'timestamps'; readonly speed: number }
  /** By packets per second. */
  | { readonly by: 'packets'; readonly rate: number }
  /** By Mbit/s of frame bytes, without preamble, FCS and inter-frame gap. */
  | { readonly by: 'bits'; readonly rate: number }
  /** As fast as possible. */
  | { readonly by: 'none' };

/** Maximum delay to catch up, in milliseconds. A later packet shifts the schedule, so that no burst follows a stall. */
export const MAX_BEHIND_MS = 100;

/** Computes when each packet of a sequence is due. */
export class Pacer {
  /** Maximum delay of a packet in milliseconds; 0 without pacing. */
  worstMs = 0;
  readonly #pace: Pace;
  #start = Number.NaN;
  #firstSeconds = 0;
  #firstNanoseconds = 0;
  /** When the last packet was due and, if paced by rate, when the next one is: milliseconds since the start. */
  #elapsed = 0;
  #next = 0;
  #due = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /**
   * When the next packet is due; the first is due immediately.
   * @param now the current time, in milliseconds
   * @param seconds capture time, whole seconds
   * @param nanoseconds capture time within the second
   * @param bytes length of the packet
   * @returns the due time on the same clock; `now` if the packet is late
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
      // A packet older than its predecessor follows it immediately.
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
   * Records when the last scheduled packet was sent.
   * @param now the current time on the same clock, in milliseconds
   */
  went(now: number): void {
    if (this.#pace.by !== 'none') this.worstMs = Math.max(this.worstMs, now - this.#due);
  }
}
