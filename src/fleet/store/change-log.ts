/** The last change of each key, in the order of the changes. */

export interface LoggedChange {
  readonly key: string;
  /** Undefined: the key was deleted. */
  readonly value: Uint8Array | undefined;
  readonly revision: number;
}

/** Superseded changes that stay in the log before it is rewritten. */
const SLACK = 1024;

/** The changes of a store in memory. Superseded ones are skipped, and dropped when they are half of the log. */
export class ChangeLog {
  readonly #last = new Map<string, LoggedChange>();
  readonly #maxDeletions: number;
  #log: LoggedChange[] = [];
  #deletions = 0;
  #revision = 0;
  #compacted = 0;

  constructor(maxDeletions: number) {
    this.#maxDeletions = maxDeletions;
  }

  /** That of the last change. */
  get revision(): number {
    return this.#revision;
  }

  /** Deletions up to this revision may be forgotten. */
  get compacted(): number {
    return this.#compacted;
  }

  /** Keys that have a value. */
  get records(): number {
    return this.#last.size - this.#deletions;
  }

  last(key: string): LoggedChange | undefined {
    return this.#last.get(key);
  }

  /** @returns the revision of the change */
  append(key: string, value: Uint8Array | undefined): number {
    const before = this.#last.get(key);
    if (before && !before.value) this.#deletions--;
    const change = { key, value, revision: ++this.#revision };
    this.#last.set(key, change);
    this.#log.push(change);
    if (!value) this.#deletions++;
    if (this.#deletions > this.#maxDeletions) this.#forgetHalf();
    if (this.#log.length > 2 * this.#last.size + SLACK) this.#log = this.#log.filter((each) => this.#isLast(each));
    return change.revision;
  }

  /** The last changes of all keys that changed after a revision. */
  *after(revision: number): Generator<LoggedChange> {
    const log = this.#log;
    let low = 0;
    for (let high = log.length; low < high;) {
      const middle = (low + high) >>> 1;
      if (log[middle].revision <= revision) low = middle + 1;
      else high = middle;
    }
    for (; low < log.length; low++) if (this.#isLast(log[low])) yield log[low];
  }

  /** Forgets deletions up to a revision. */
  compact(revision: number): void {
    const upTo = Math.min(revision, this.#revision);
    if (upTo <= this.#compacted) return;
    this.#compacted = upTo;
    for (const [key, { value, revision: at }] of this.#last) {
      if (value || at > upTo) continue;
      this.#last.delete(key);
      this.#deletions--;
    }
    this.#log = this.#log.filter((each) => this.#isLast(each));
  }

  /** Half at a time, so that the work per deletion is constant. */
  #forgetHalf(): void {
    const deletions = this.#log.filter((change) => !change.value && this.#isLast(change));
    this.compact(deletions[deletions.length >>> 1].revision);
  }

  #isLast(change: LoggedChange): boolean {
    return this.#last.get(change.key) === change;
  }
}
