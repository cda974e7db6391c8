/** What ends a node: the first signal lets requests under way end, a second one doesn't wait for them. */
export class Interruptible {
  readonly #ending = new AbortController();
  readonly #atOnce = new AbortController();

  /** Aborted when the node is to end. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Aborted when it is to end without waiting (`LiveVtepOptions.endAtOnce`). */
  get atOnce(): AbortSignal {
    return this.#atOnce.signal;
  }

  /** Ends it, as at a time limit. */
  end(): void {
    this.#ending.abort();
  }

  /** Ends it on account of a signal; if it was ending already, at once. */
  interrupt(): void {
    if (this.#ending.signal.aborted) this.#atOnce.abort();
    this.#ending.abort();
  }
}
