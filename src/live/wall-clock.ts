/** The time of day, to the microsecond and never backwards but where the system's clock is set. */

const NANO = 1e9;
/** A clock that is further off was set. */
const SET_MS = 100;
const CHECK_MS = 1000;

/** Where the time comes from, in milliseconds; the process's own clocks if not said. */
export interface TimeSource {
  /** Since 1970, coarse. */
  readonly wall: () => number;
  /** Since any moment, fine; it only goes on. */
  readonly steady: () => number;
}

const OWN: TimeSource = { wall: () => Date.now(), steady: () => performance.now() };

/** Times for packets that bring none. Results stand in its fields until the next call. */
export class WallClock {
  /** Whole seconds since 1970. */
  seconds = 0;
  /** Nanoseconds within the second. */
  nanoseconds = 0;
  readonly #source: TimeSource;
  #origin: number;
  #check: number;

  /** @param origin milliseconds since 1970 at which the steady clock stood at 0 */
  constructor(source: TimeSource = OWN, origin: number = performance.timeOrigin) {
    this.#source = source;
    this.#origin = origin;
    this.#check = source.steady();
  }

  /** Takes the time. */
  read(): void {
    const steady = this.#source.steady();
    if (steady >= this.#check) {
      const wall = this.#source.wall();
      if (Math.abs(wall - steady - this.#origin) > SET_MS) this.#origin = wall - steady;
      this.#check = steady + CHECK_MS;
    }
    const milliseconds = this.#origin + steady;
    this.seconds = Math.floor(milliseconds / 1000);
    this.nanoseconds = Math.min(NANO - 1, Math.floor((milliseconds - this.seconds * 1000) * 1e6));
  }
}
