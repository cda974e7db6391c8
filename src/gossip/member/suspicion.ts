/** A member's suspicion that another one is dead. It gets shorter as others say the same. */
export class Suspicion {
  /** When the suspect is declared dead, in the member's time. */
  deadline: number;
  readonly #start: number;
  readonly #expected: number;
  readonly #min: number;
  readonly #max: number;
  /** Who suspects it, the first one included, which doesn't count as a confirmation. */
  readonly #from: string[];

  /**
   * `expected` confirmations shorten the suspicion from `max` to `min` milliseconds; if none are expected, it lasts
   * `min`.
   */
  constructor(from: string, expected: number, min: number, max: number, now: number) {
    this.#from = [from];
    this.#expected = expected;
    this.#min = min;
    this.#max = max;
    this.#start = now;
    this.deadline = now + (expected < 1 ? min : max);
  }

  /** Counts a confirmation. Returns false if it tells nothing new. */
  confirm(from: string): boolean {
    const confirmations = this.#from.length - 1;
    if (confirmations >= this.#expected || this.#from.includes(from)) return false;
    this.#from.push(from);
    const share = Math.log(confirmations + 2) / Math.log(this.#expected + 1);
    const timeout = Math.floor(this.#max - share * (this.#max - this.#min));
    this.deadline = this.#start + Math.max(timeout, this.#min);
    return true;
  }
}
