import { DROP_REASONS, type DropReason, dropReasonName } from './drop-reason.js';

/** How many packets went no further, by reason. */
export class DropCounters {
  readonly counts = new Float64Array(DROP_REASONS);

  /** Counts packets. */
  add(reason: DropReason, packets = 1): void {
    this.counts[reason] += packets;
  }

  /** All of them together. */
  get total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** The reasons that came, by name. */
  byName(): Record<string, number> {
    const named: Record<string, number> = {};
    this.counts.forEach((count, reason) => {
      if (count > 0) named[dropReasonName(reason)] = count;
    });
    return named;
  }
}
