/** A queue of attempts with exponential back-off; failing ones don't delay the others. */

/** Seconds until the second attempt, doubled with each further failure. */
const FIRST_WAIT = 1;
const LONGEST_WAIT = 60;

interface Attempt {
  readonly key: string;
  /** Time of the attempt, in seconds. */
  due: number;
  /** Seconds until the next attempt if this one fails. */
  wait: number;
  running: boolean;
  tried: boolean;
}

/** Attempts by name, each with its own back-off. */
export class AttemptQueue {
  readonly #attempts = new Map<string, Attempt>();

  /** Whether any entry has not completed its first attempt. */
  get untried(): boolean {
    for (const { tried } of this.#attempts.values()) if (!tried) return true;
    return false;
  }

  /**
   * Sets the names to try. Entries already in the queue keep their position and back-off; if their key changes, they
   * are due immediately.
   * @param wanted keys by name; a key contains everything that the outcome of an attempt depends on
   * @param now current time, in seconds
   */
  want(wanted: ReadonlyMap<string, string>, now: number): void {
    for (const [name, { running }] of this.#attempts) if (!running && !wanted.has(name)) this.#attempts.delete(name);
    for (const [name, key] of wanted) {
      const attempt = this.#attempts.get(name);
      if (attempt !== undefined && (attempt.running || attempt.key === key)) continue;
      // Among entries with the same time, a new one is last.
      this.#attempts.delete(name);
      this.#attempts.set(name, { key, due: now, wait: FIRST_WAIT, running: false, tried: false });
    }
  }

  /** Starts the attempt that has been due the longest, and returns its name; undefined if none is due. */
  take(now: number): string | undefined {
    let first: string | undefined;
    let due = Number.POSITIVE_INFINITY;
    for (const [name, attempt] of this.#attempts) {
      if (attempt.running || attempt.due > now || attempt.due >= due) continue;
      first = name;
      ({ due } = attempt);
    }
    if (first === undefined) return undefined;
    const attempt = this.#attempts.get(first);
    if (attempt !== undefined) attempt.running = true;
    return first;
  }

  /** Reschedules a name whose attempt failed. */
  failed(name: string, now: number): void {
    const attempt = this.#attempts.get(name);
    if (attempt === undefined) return;
    attempt.running = false;
    attempt.tried = true;
    attempt.due = now + attempt.wait;
    attempt.wait = Math.min(2 * attempt.wait, LONGEST_WAIT);
  }

  /** Removes a name from the queue. */
  done(name: string): void {
    this.#attempts.delete(name);
  }

  /** Resets every back-off; running attempts continue. */
  restart(): void {
    for (const [name, { running }] of this.#attempts) if (!running) this.#attempts.delete(name);
  }
}
