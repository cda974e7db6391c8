/** Times of a capture that is played several times over, as times since its first packet: each round goes on where the last ended. */

const NANO = 1e9;

/** Makes times that only go on. Results stand in its fields until the next call. */
export class LoopClock {
  /** Whole seconds since the first packet. */
  seconds = 0;
  /** Nanoseconds within the second. */
  nanoseconds = 0;
  #round = Number.NaN;
  #roundNanoseconds = 0;
  #base = 0;
  #last = 0;

  /** Begins a round: its first packet is as late as the last of the round before it. */
  begin(): void {
    this.#round = Number.NaN;
    this.#base = this.#last;
  }

  /** Takes a packet's time. One that is older than the packet before it counts as old as that. */
  at(seconds: number, nanoseconds: number): void {
    if (Number.isNaN(this.#round)) {
      this.#round = seconds;
      this.#roundNanoseconds = nanoseconds;
    }
    const since = (seconds - this.#round) * NANO + (nanoseconds - this.#roundNanoseconds);
    this.#last = Math.max(this.#last, this.#base + since);
    this.#split();
  }

  /** Takes a packet that has no time: it counts as old as the one before it. */
  timeless(): void {
    this.#split();
  }

  #split(): void {
    this.seconds = Math.floor(this.#last / NANO);
    this.nanoseconds = this.#last % NANO;
  }
}
