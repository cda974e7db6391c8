/** Refused packets, counted by reason. */

/** Counts by reason: a kernel drop reason (include/net/dropreason-core.h) or the name of an error (errno(3)). */
export class Refusals {
  /** Packets refused for any reason. */
  total = 0;
  readonly #counts = new Map<string, number>();

  /** Counts packets refused for one reason. */
  add(reason: string, packets = 1): void {
    this.total += packets;
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + packets);
  }

  /** The counts by reason, combined with those of `others`. */
  byName(...others: readonly Refusals[]): Record<string, number> {
    const totals: Record<string, number> = {};
    for (const { entries } of [this, ...others]) {
      for (const [reason, packets] of entries) totals[reason] = (totals[reason] ?? 0) + packets;
    }
    return totals;
  }

  /** Reasons and counts, in the order in which they first occurred. */
  get entries(): readonly (readonly [reason: string, packets: number])[] {
    return [...this.#counts];
  }
}
