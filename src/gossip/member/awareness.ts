/**
 * Lifeguard's local health: a member that misses acks and nacks it should have got, or has to refute, is probably slow
 * itself, and gives others more time. 0 is healthy.
 */
export class Awareness {
  readonly #max: number;
  #score = 0;

  /** `max`: scores are below this. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Health score, 0 (healthy) and up. */
  get score(): number {
    return this.#score;
  }

  /** Changes the score within its bounds. */
  apply(delta: number): void {
    this.#score = Math.min(Math.max(this.#score + delta, 0), this.#max - 1);
  }

  /** A time scaled by the score. */
  scale(time: number): number {
    return time * (this.#score + 1);
  }
}
