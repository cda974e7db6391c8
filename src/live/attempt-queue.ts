/** Whose turn it is to be tried: those that fail wait longer each time, and nobody waits for them. */

/** Seconds until the second attempt; doubled with each further failure. */
const FIRST_WAIT = 1;
const LONGEST_WAIT = 60;

interface Attempt {
  readonly key: string;
  /** Seconds; when it is tried. */
  due: number;
  /** Seconds until the next attempt if this one fails. */
  wait: number;
  running: boolean;
  tried: boolean;
}

/** Attempts by name, each with a back-off of its own. */
export class AttemptQueue {
  readonly #attempts = new Map<string, Attempt>();

  /** Whether any has not been tried to the end yet. */
  get untried(): boolean {
    for (const { tried } of this.#attempts.values()) if (!tried) return true;
    return false;
  }

  /**
   * Says all that is to be tried. What is in the queue keeps its turn and its back-off, unless its key changed: it is due
   * at once then.
   * @param wanted the key of each name: whatever an attempt's outcome depends on
   * @param now seconds
   */
  want(wanted: ReadonlyMap<string, string>, now: number): void {
    for (const [name, { running }] of this.#attempts) if (!running && !wanted.has(name)) this.#attempts.delete(name);
    for (const [name, key] of wanted) {
      const attempt = this.#attempts.get(name);
      if (attempt !== undefined && (attempt.running || attempt.key === key)) continue;
      // A new entry is last among those of the same time.
      this.#attempts.delete(name);
      this.#attempts.set(name, { key, due: now, wait: FIRST_WAIT, running: false, tried: false });
    }
  }

  /** The name that has been due the longest, whose attempt runs from now on; undefined if none is due. */
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

  /** Puts a name off whose attempt failed. */
  failed(name: string, now: number): void {
    const attempt = this.#attempts.get(name);
    if (attempt === undefined) return;
    attempt.running = false;
    attempt.tried = true;
    attempt.due = now + attempt.wait;
    attempt.wait = Math.min(2 * attempt.wait, LONGEST_WAIT);
  }

  /** Takes a name out of the queue. */
  done(name: string): void {
    this.#attempts.delete(name);
  }

  /** Forgets every back-off; attempts that run go on. */
  restart(): void {
    for (const [name, { running }] of this.#attempts) if (!running) this.#attempts.delete(name);
  }
}
