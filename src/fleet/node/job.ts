/** Work with a store that is repeated: never twice at a time, and again after a failure. */
import { isVtepError, type VtepError } from '../../error.js';

/** Codes that say that the store is out of reach, which the connection's own state tells better. */
const OUT_OF_REACH: readonly string[] = ['UNAVAILABLE', 'OUTCOME_UNKNOWN', 'CLOSED'];

/** A repeated piece of work. */
export class Job {
  readonly #work: () => Promise<unknown>;
  readonly #failed: (error: VtepError) => void;
  #running: Promise<void> | undefined;
  /** An error that isn't ours. */
  #defect: Error | undefined;
  #reported: string | undefined;

  /** @param failed receives an error, once until the work succeeds or fails otherwise */
  constructor(work: () => Promise<unknown>, failed: (error: VtepError) => void) {
    this.#work = work;
    this.#failed = failed;
  }

  /**
   * Starts the work unless it is under way.
   * @throws what isn't an error of vtep, from the last time
   */
  start(): void {
    if (this.#defect !== undefined) throw this.#defect;
    this.#running ??= this.#run();
  }

  /** Resolves when no work is under way. */
  async ended(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      await this.#work();
      this.#reported = undefined;
    } catch (error) {
      if (!isVtepError(error)) this.#defect = error as Error;
      else if (!OUT_OF_REACH.includes(error.code) && error.message !== this.#reported) {
        this.#reported = error.message;
        this.#failed(error);
      }
    } finally {
      this.#running = undefined;
    }
  }
}
