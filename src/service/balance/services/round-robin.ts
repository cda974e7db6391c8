/**
 * IPVS's scheduler `rr` (net/netfilter/ipvs/ip_vs_rr.c), in the kernel's exact order: a new destination is put at the
 * head of the list, a pick takes the next one after the pointer, and the pointer stays on what was picked. So with A, B
 * and C added in this order the picks are C, B, A, C, and so on.
 */

const HEAD = -1;

/** The destinations of one service, in the order of the kernel's list. */
export class RoundRobin {
  readonly #order: number[] = [];
  readonly #weights = new Map<number, number>();
  /** Index of the destination picked last; -1 at the head of the list. */
  #pointer = HEAD;
  /** Destinations with a weight above 0. */
  #active = 0;

  /** Destinations in the kernel's order: the newest first. */
  get destinations(): readonly number[] {
    return this.#order;
  }

  /** Adds a destination at the head of the list. */
  add(destination: number, weight: number): void {
    this.#order.unshift(destination);
    if (this.#pointer !== HEAD) this.#pointer++;
    this.#weights.set(destination, weight);
    if (weight > 0) this.#active++;
  }

  /** Removes a destination. If the pointer is on it, it moves to the one before. */
  remove(destination: number): void {
    const index = this.#order.indexOf(destination);
    if (index < 0) return;
    if (this.weightOf(destination) > 0) this.#active--;
    this.#order.splice(index, 1);
    this.#weights.delete(destination);
    if (this.#pointer >= index) this.#pointer--;
  }

  /** Sets a weight: 0 for no new connections. Other values don't matter to rr. */
  setWeight(destination: number, weight: number): void {
    const before = this.weightOf(destination);
    this.#weights.set(destination, weight);
    this.#active += Number(weight > 0) - Number(before > 0);
  }

  /** The weight of a destination; 0 if it isn't in the list. */
  weightOf(destination: number): number {
    return this.#weights.get(destination) ?? 0;
  }

  /** The destination of the next connection, or -1 if none has a weight above 0. */
  pick(): number {
    if (this.#active === 0) return -1;
    const count = this.#order.length;
    let at = this.#pointer;
    for (let tried = 0; tried < count; tried++) {
      at = at + 1 < count ? at + 1 : 0;
      if (this.weightOf(this.#order[at]) > 0) {
        this.#pointer = at;
        return this.#order[at];
      }
    }
    return -1;
  }
}
