/** Follows updates one at a time; of several that come meanwhile, only the latest counts. */

/** A queue of at most one update. */
export class LatestUpdate<T> {
  readonly #follow: (value: T) => Promise<void>;
  readonly #failed: (error: unknown) => void;
  #next: { readonly value: T } | undefined;
  #running: Promise<void> | undefined;

  /**
   * @param follow takes an update; never called again before it settles
   * @param failed receives what it throws
   */
  constructor(follow: (value: T) => Promise<void>, failed: (error: unknown) => void) {
    this.#follow = follow;
    this.#failed = failed;
  }

  /** Follows an update, once those before it are done. */
  set(value: T): void {
    this.#next = { value };
    this.#running ??= this.#run();
  }

  /** Resolves when there is nothing left to follow. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** Drops the update that hasn't begun, and waits for the one that has. */
  async close(): Promise<void> {
    this.#next = undefined;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#next !== undefined) {
      const { value } = this.#next;
      this.#next = undefined;
      try {
        await this.#follow(value);
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#running = undefined;
  }
}
