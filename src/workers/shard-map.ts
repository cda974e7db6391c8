/** Assigns things that workers must not share, such as SAs and flows, to one worker each. */

/** Owners by the thing's id: each thing is assigned once, for good. */
export class ShardMap {
  readonly #owners = new Map<number, number>();
  /** Per worker: number of things assigned, and total load of those assigned in advance. */
  readonly #things: number[];
  readonly #loads: number[];
  #lastThing = Number.NaN;
  #lastOwner = 0;

  /** @param workers number of workers */
  constructor(workers: number) {
    this.#things = new Array<number>(workers).fill(0);
    this.#loads = new Array<number>(workers).fill(0);
  }

  /**
   * Assigns things in advance: the heaviest first, each to the worker with the least load so far.
   * @param loads expected work per thing, in any unit
   */
  give(loads: ReadonlyMap<number, number>): void {
    const heaviest = [...loads].sort(([a, one], [b, other]) => other - one || a - b);
    for (const [thing, load] of heaviest) {
      if (this.#owners.has(thing)) continue;
      const worker = least(this.#loads);
      this.#loads[worker] += load;
      this.#own(thing, worker);
    }
  }

  /** The owner of a thing; an unassigned thing goes to the worker with the fewest. */
  ownerOf(thing: number): number {
    // Consecutive packets are mostly of one flow.
    if (thing === this.#lastThing) return this.#lastOwner;
    const owner = this.#owners.get(thing) ?? this.#own(thing, least(this.#things));
    this.#lastThing = thing;
    this.#lastOwner = owner;
    return owner;
  }

  #own(thing: number, worker: number): number {
    this.#things[worker]++;
    this.#owners.set(thing, worker);
    return worker;
  }
}

/** Index of the smallest number, the first if there are several. */
function least(numbers: readonly number[]): number {
  let index = 0;
  for (let i = 1; i < numbers.length; i++) if (numbers[i] < numbers[index]) index = i;
  return index;
}
