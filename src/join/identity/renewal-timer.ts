/** When a certificate is renewed: at a random time in 50 to 80 % of its validity, as engines do. */
const EARLIEST = 0.5;
const SPREAD = 0.3;
/** Timers are limited to 2^31 - 1 ms; this also notices a clock that jumps, or a machine that slept. */
const MAX_WAIT_MS = 3_600_000;

/** Milliseconds since 1970. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Calls a function when it is time. */
export class RenewalTimer {
  readonly #renew: () => void;
  readonly #random: () => number;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param renew called once for each schedule
   * @param random a number in [0, 1)
   */
  constructor(renew: () => void, random: () => number) {
    this.#renew = renew;
    this.#random = random;
  }

  /** Schedules the renewal of a certificate. */
  schedule({ notBefore, notAfter }: Validity): void {
    this.#at(notBefore + (notAfter - notBefore) * (EARLIEST + SPREAD * this.#random()));
  }

  /** Schedules another attempt. */
  retryIn(milliseconds: number): void {
    this.#at(Date.now() + milliseconds);
  }

  /** Cancels it. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #at(time: number): void {
    clearTimeout(this.#timer);
    const wait = time - Date.now();
    this.#timer = setTimeout(
      () => {
        if (wait > MAX_WAIT_MS) this.#at(time);
        else this.#renew();
      },
      Math.min(Math.max(wait, 0), MAX_WAIT_MS),
    );
  }
}
