/** A list whose indexes stay the same things' as long as they are there: what is removed leaves a hole for the next one. */
export class StableList<T> {
  readonly #items: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** By index; undefined where something was removed. The same array for good. */
  get items(): readonly (T | undefined)[] {
    return this.#items;
  }

  /** How many there are. */
  get size(): number {
    return this.#items.length - this.#free.length;
  }

  /** Adds an item. Returns its index: one that was given up, if there is one. */
  add(item: T): number {
    const index = this.#free.pop() ?? this.#items.length;
    this.#items[index] = item;
    return index;
  }

  /** Puts an item in place of the one that an index is of. */
  set(index: number, item: T): void {
    this.#items[index] = item;
  }

  /** Removes the item with an index. */
  remove(index: number): void {
    this.#items[index] = undefined;
    this.#free.push(index);
  }
}
