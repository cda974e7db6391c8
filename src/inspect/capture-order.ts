/** What depends on the order of all packets of a capture: their link types and times. */
import type { CaptureBatch } from '../capture/portable.js';

/** The link types and times of the packets of one file. */
export interface OrderPart {
  readonly linkTypes: readonly number[];
  /** Times of the earliest and the latest packet; NaN seconds if none has a time. */
  readonly firstSeconds: number;
  readonly firstNanos: number;
  readonly lastSeconds: number;
  readonly lastNanos: number;
}

/** Link types in the order of their first packets; the earliest and the latest time. */
export class CaptureOrder {
  /** Packets older than an earlier one. */
  backwards = 0;
  firstSeconds = Number.NaN;
  firstNanos = 0;
  lastSeconds = Number.NaN;
  lastNanos = 0;
  readonly linkTypes = new Set<number>();
  #lastLinkType = -1;

  /** Whether a packet had a time. */
  get known(): boolean {
    return !Number.isNaN(this.firstSeconds);
  }

  /** Records a packet. */
  add(batch: CaptureBatch, index: number): void {
    const linkType = batch.linkType[index];
    if (linkType !== this.#lastLinkType) {
      this.linkTypes.add(linkType);
      this.#lastLinkType = linkType;
    }
    if (batch.noTimestamp[index] === 0) this.#time(batch.seconds[index], batch.nanoseconds[index]);
  }

  /** What was recorded, for `merge`. */
  part(): OrderPart {
    const { linkTypes, firstSeconds, firstNanos, lastSeconds, lastNanos } = this;
    return { linkTypes: [...linkTypes], firstSeconds, firstNanos, lastSeconds, lastNanos };
  }

  /**
   * Adds the packets of another file, which come after those recorded.
   * @param backwards how many of them are older than an earlier one, here or there
   */
  merge({ linkTypes, firstSeconds, firstNanos, lastSeconds, lastNanos }: OrderPart, backwards: number): void {
    for (const linkType of linkTypes) this.linkTypes.add(linkType);
    this.backwards += backwards;
    if (!this.known || isBefore(firstSeconds, firstNanos, this.firstSeconds, this.firstNanos)) {
      this.firstSeconds = firstSeconds;
      this.firstNanos = firstNanos;
    }
    if (Number.isNaN(this.lastSeconds) || isBefore(this.lastSeconds, this.lastNanos, lastSeconds, lastNanos)) {
      this.lastSeconds = lastSeconds;
      this.lastNanos = lastNanos;
    }
  }

  #time(seconds: number, nanos: number): void {
    if (seconds > this.lastSeconds || (seconds === this.lastSeconds && nanos >= this.lastNanos)) {
      this.lastSeconds = seconds;
      this.lastNanos = nanos;
      return;
    }
    if (Number.isNaN(this.lastSeconds)) {
      this.lastSeconds = seconds;
      this.lastNanos = nanos;
    } else {
      this.backwards++;
      if (!isBefore(seconds, nanos, this.firstSeconds, this.firstNanos)) return;
    }
    this.firstSeconds = seconds;
    this.firstNanos = nanos;
  }
}

/** Whether a time is before another one; never for NaN. */
function isBefore(seconds: number, nanos: number, otherSeconds: number, otherNanos: number): boolean {
  return seconds < otherSeconds || (seconds === otherSeconds && nanos < otherNanos);
}
