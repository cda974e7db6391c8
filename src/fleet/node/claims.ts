/** Who has what only one may have, such as a VNI or a MAC. The one with the lowest rank, whatever the order of claims. */

interface Claimants {
  /** Ranks by key. */
  readonly ranks: Map<string, string>;
  first: string;
}

/** Things that are claimed, and by whom. */
export class Claims {
  readonly #claims = new Map<string, Claimants>();

  /** Whether a key has a thing, among those that claim it. */
  has(thing: string, key: string): boolean {
    return this.#claims.get(thing)?.first === key;
  }

  /** Who has a thing. */
  holder(thing: string): string | undefined {
    return this.#claims.get(thing)?.first;
  }

  /**
   * Adds a claim.
   * @returns the key that no longer has the thing, if any
   */
  add(thing: string, key: string, rank: string): string | undefined {
    const claimants = this.#claims.get(thing);
    if (claimants === undefined) {
      this.#claims.set(thing, { ranks: new Map([[key, rank]]), first: key });
      return undefined;
    }
    claimants.ranks.set(key, rank);
    const { first } = claimants;
    if (!isBefore(rank, key, claimants.ranks.get(first) ?? '', first)) return undefined;
    claimants.first = key;
    return first;
  }

  /**
   * Removes a claim.
   * @returns the key that has the thing from now on, if that changed
   */
  remove(thing: string, key: string): string | undefined {
    const claimants = this.#claims.get(thing);
    if (claimants?.ranks.delete(key) !== true) return undefined;
    if (claimants.ranks.size === 0) {
      this.#claims.delete(thing);
      return undefined;
    }
    if (claimants.first !== key) return undefined;
    let first: readonly [key: string, rank: string] | undefined;
    for (const [other, rank] of claimants.ranks) {
      if (first === undefined || isBefore(rank, other, first[1], first[0])) first = [other, rank];
    }
    if (first !== undefined) [claimants.first] = first;
    return claimants.first;
  }
}

function isBefore(rank: string, key: string, otherRank: string, otherKey: string): boolean {
  return rank === otherRank ? key < otherKey : rank < otherRank;
}
