/** What values are, and what they shall become: only the differences are kept until they are taken. */

/** A value that was added, changed or removed. */
export interface Difference<V> {
  /** Undefined if it was added. */
  readonly before: V | undefined;
  /** Undefined if it was removed. */
  readonly after: V | undefined;
}

/** Values by key, with the changes since the last `take`. However often a value changes, it is one difference. */
export class Differences<K, V> {
  readonly #taken = new Map<K, V>();
  readonly #wanted = new Map<K, V | undefined>();
  readonly #isSame: (a: V, b: V) => boolean;

  /** @param isSame whether two values are equal, so that there is no difference */
  constructor(isSame: (a: V, b: V) => boolean) {
    this.#isSame = isSame;
  }

  /** Number of values that may differ. */
  get size(): number {
    return this.#wanted.size;
  }

  /** The values as of the last `take`. */
  get taken(): Iterable<V> {
    return this.#taken.values();
  }

  /** The value as it shall be. */
  get(key: K): V | undefined {
    return this.#wanted.has(key) ? this.#wanted.get(key) : this.#taken.get(key);
  }

  set(key: K, value: V | undefined): void {
    if (value === undefined && !this.#taken.has(key)) this.#wanted.delete(key);
    else this.#wanted.set(key, value);
  }

  /** The differences, in the order in which their values first changed, which are none from now on. */
  take(): Difference<V>[] {
    const differences: Difference<V>[] = [];
    for (const [key, after] of this.#wanted) {
      const before = this.#taken.get(key);
      if (after === undefined) this.#taken.delete(key);
      else this.#taken.set(key, after);
      const isNone = before === undefined || after === undefined ? before === after : this.#isSame(before, after);
      if (!isNone) differences.push({ before, after });
    }
    this.#wanted.clear();
    return differences;
  }
}
