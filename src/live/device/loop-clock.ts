/** Timestamps for a capture that is sent repeatedly: each round continues where the last one ended. */

const NANO = 1e9;

/** Produces non-decreasing times since the first packet, in its fields until the next call. */
export class LoopClock {
  /** Whole seconds since the first packet. */
  seconds = 0;
  /** Nanoseconds within the second. */
  nanoseconds = 0;
  #round = Number.NaN;
  #roundNanoseconds = 0;
  #base = 0;
  #last = 0;

  /** Starts a round: its first packet gets the time of the previous round's last one. */
  begin(): void {
    this.#round = Number.NaN;
    this.#base = this.#last;
  }

  /** Sets the time of a packet; if earlier than the previous packet's, that one is used. */
  at(seconds: number, nanoseconds: number): void {
    if (Number.isNaN(this.#round)) {
      this.#round = seconds;
      this.#roundNanoseconds = nanoseconds;
    }
    const since = (seconds - this.#round) * NANO + (nanoseconds - this.#roundNanoseconds);
    this.#last = Math.max(this.#last, this.#base + since);
    this.#split();
  }

  /** Sets the time of a packet without timestamp: that of the previous packet. */
  timeless(): void {
    this.#split();
  }

  #split(): void {
    this.seconds = Math.floor(this.#last / NANO);
    this.nanoseconds = this.#last % NANO;
  }
}
