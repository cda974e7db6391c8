/** Who of the workers owns a thing that must not be shared: an SA, a flow. */

/** Owners by number of the thing: each is given away once, and stays where it is. */
export class Owners {
  readonly #owners = new Map<number, number>();
  /** By worker: things that were given to it as they came, and the loads of those that were known before. */
  readonly #things: number[];
  readonly #loads: number[];
  #lastThing = Number.NaN;
  #lastOwner = 0;

  /** @param workers how many there are */
  constructor(workers: number) {
    this.#things = new Array<number>(workers).fill(0);
    this.#loads = new Array<number>(workers).fill(0);
  }

  /**
   * Gives things away before they come: the heaviest first, each to the worker that has the least by then.
   * @param loads by thing: how much work it will be, in any unit
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

  /** The worker that owns a thing; one that nobody has goes to the one with the fewest. */
  ownerOf(thing: number): number {
    // Packets of a flow follow each other.
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

/** The place of the smallest number, of the first if there are several. */
function least(numbers: readonly number[]): number {
  let place = 0;
  for (let i = 1; i < numbers.length; i++) if (numbers[i] < numbers[place]) place = i;
  return place;
}
