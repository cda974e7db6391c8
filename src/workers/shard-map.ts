/** Assigns items that workers must not share, such as SAs and flows, to one worker each. */

/** Owners by item id: each item is assigned once, for good. */
export class ShardMap {
  readonly #owners = new Map<number, number>();
  /** Per worker: number of items assigned, and total load of those assigned in advance. */
  readonly #items: number[];
  readonly #loads: number[];
  #lastItem = Number.NaN;
  #lastOwner = 0;

  /** @param workers number of workers */
  constructor(workers: number) {
    this.#items = new Array<number>(workers).fill(0);
    this.#loads = new Array<number>(workers).fill(0);
  }

  /**
   * Assigns items in advance: the heaviest first, each to the worker with the least load so far.
   * @param loads expected work per item, in any unit
   */
  assignInAdvance(loads: ReadonlyMap<number, number>): void {
    const heaviest = [...loads].sort(([a, one], [b, other]) => other - one || a - b);
    for (const [item, load] of heaviest) {
      if (this.#owners.has(item)) continue;
      const worker = least(this.#loads);
      this.#loads[worker] += load;
      this.#assign(item, worker);
    }
  }

  /** The owner of an item; an unassigned item goes to the worker with the fewest. */
  ownerOf(item: number): number {
    // Consecutive packets are mostly of one flow.
    if (item === this.#lastItem) return this.#lastOwner;
    const owner = this.#owners.get(item) ?? this.#assign(item, least(this.#items));
    this.#lastItem = item;
    this.#lastOwner = owner;
    return owner;
  }

  #assign(item: number, worker: number): number {
    this.#items[worker]++;
    this.#owners.set(item, worker);
    return worker;
  }
}

/** Index of the smallest number, the first if there are several. */
function least(numbers: readonly number[]): number {
  let index = 0;
  for (let i = 1; i < numbers.length; i++) if (numbers[i] < numbers[index]) index = i;
  return index;
}
