/** The end of a node's run: packets flow until the requests under way have ended. */

/** Milliseconds that requests under way get: half of what `docker stop` waits. */
const PATIENCE = 5000;

/** When a run is over. */
export class NodeEnding {
  readonly #signal: AbortSignal;
  readonly #atOnce: AbortSignal | undefined;
  readonly #drain: (patience: number) => Promise<void> | undefined;
  #hasBegun = false;
  #isDrained = false;

  /**
   * @param signal ends the run
   * @param atOnce ends it without waiting for anything
   * @param drain takes nothing new, and resolves when what is under way has ended, or after so many milliseconds;
   * undefined if there is nothing to wait for
   */
  constructor(
    signal: AbortSignal,
    atOnce: AbortSignal | undefined,
    drain: (patience: number) => Promise<void> | undefined,
  ) {
    this.#signal = signal;
    this.#atOnce = atOnce;
    this.#drain = drain;
  }

  /** Whether it is; asked between two turns of packets. */
  get isOver(): boolean {
    if (!this.#signal.aborted) return false;
    if (this.#atOnce?.aborted === true) return true;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      const drained = this.#drain(PATIENCE);
      if (drained === undefined) this.#isDrained = true;
      else void drained.finally(() => (this.#isDrained = true));
    }
    return this.#isDrained;
  }
}
