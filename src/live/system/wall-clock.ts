/** The time of day to the microsecond, which never goes backwards unless the system clock is set. */

const NANO = 1e9;
/** If the clocks diverge by more than this, the system clock was set. */
const SET_MS = 100;
const CHECK_MS = 1000;

/** Clocks, in milliseconds. */
export interface TimeSource {
  /** Time since 1970, coarse. */
  readonly wall: () => number;
  /** Monotonic time since an arbitrary moment, fine. */
  readonly steady: () => number;
}

const OWN: TimeSource = { wall: () => Date.now(), steady: () => performance.now() };

/** Provides timestamps for packets that lack one, in its fields until the next call. */
export class WallClock {
  /** Whole seconds since 1970. */
  seconds = 0;
  /** Nanoseconds within the second. */
  nanoseconds = 0;
  readonly #source: TimeSource;
  #origin: number;
  #check: number;

  /**
   * @param source the clocks. Default: the process's
   * @param origin time at which the steady clock was 0, in milliseconds since 1970
   */
  constructor(source: TimeSource = OWN, origin: number = performance.timeOrigin) {
    this.#source = source;
    this.#origin = origin;
    this.#check = source.steady();
  }

  /** Reads the time. */
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
