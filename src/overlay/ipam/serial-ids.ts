/**
 * Ids as Docker's bitmaps give them out "serially": the search goes on after the last id it found, and starts again at
 * the beginning when it reaches the end. An id that was released is reused only then.
 */
export class SerialIds {
  readonly #used = new Set<number>();
  /** The range that was last found full, so that it is not searched again until an id is released. */
  #full: string | undefined;
  #next: number;

  /** @param next where the search begins */
  constructor(next = 0) {
    this.#next = next;
  }

  /** Where the next search begins. */
  get next(): number {
    return this.#next;
  }

  /** Number of ids in use. */
  get size(): number {
    return this.#used.size;
  }

  /** Whether an id is in use. */
  has(id: number): boolean {
    return this.#used.has(id);
  }

  /** Marks an id as used without moving the search; false if it is in use already. */
  claim(id: number): boolean {
    if (this.#used.has(id)) return false;
    this.#used.add(id);
    return true;
  }

  /** Frees an id. The search doesn't go back to it. */
  release(id: number): void {
    if (this.#used.delete(id)) this.#full = undefined;
  }

  /**
   * Finds a free id, marks it as used, and moves the search behind it.
   * @param first lowest id of the range
   * @param last highest id of the range
   * @returns undefined if the range is full
   */
  take(first: number, last: number): number | undefined {
    const range = `${first}-${last}`;
    if (this.#full === range) return undefined;
    const from = this.#next > first && this.#next <= last ? this.#next : first;
    const id = this.#firstFree(from, last) ?? this.#firstFree(first, from - 1);
    if (id === undefined) {
      this.#full = range;
      return undefined;
    }
    this.#used.add(id);
    this.#next = id + 1;
    return id;
  }

  #firstFree(first: number, last: number): number | undefined {
    for (let id = first; id <= last; id++) if (!this.#used.has(id)) return id;
    return undefined;
  }
}
