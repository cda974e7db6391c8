/** A list with stable indices: a removed item leaves a hole, which the next one reuses. */
export class StableList<T> {
  readonly #items: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** By index; undefined where an item was removed. Always the same array. */
  get items(): readonly (T | undefined)[] {
    return this.#items;
  }

  /** Number of items. */
  get size(): number {
    return this.#items.length - this.#free.length;
  }

  /** Adds an item. Returns its index, reusing a freed one if possible. */
  add(item: T): number {
    const index = this.#free.pop() ?? this.#items.length;
    this.#items[index] = item;
    return index;
  }

  /** Replaces the item at an index. */
  set(index: number, item: T): void {
    this.#items[index] = item;
  }

  /** Removes the item at an index. */
  remove(index: number): void {
    this.#items[index] = undefined;
    this.#free.push(index);
  }
}
