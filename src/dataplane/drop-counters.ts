import { DROP_REASONS, type DropReason, dropReasonName } from './drop-reason.js';

/** Dropped packets by reason. */
export class DropCounters {
  /** Packets by `DropReason`. */
  readonly counts = new Float64Array(DROP_REASONS);

  /** Counts dropped packets. */
  add(reason: DropReason, packets = 1): void {
    this.counts[reason] += packets;
  }

  /** Dropped packets of all reasons. */
  get total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** Counts other than zero, by the reason's name. */
  byName(): Record<string, number> {
    return dropsByName(this.counts);
  }
}

/**
 * Counts other than zero, by the reason's name.
 * @param counts packets by drop reason
 */
export function dropsByName(counts: Float64Array): Record<string, number> {
  const named: Record<string, number> = {};
  counts.forEach((count, reason) => {
    if (count > 0) named[dropReasonName(reason)] = count;
  });
  return named;
}
