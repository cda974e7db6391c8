/** Times of a capture as seconds from its earliest packet, exact to the nanosecond for eighty days. */
import { formatTime } from './time.js';
import type { Moment } from './timeline-report.js';

const NANO = 1e9;

/** Seconds without what floating point adds beyond the nanosecond. */
export function wholeNanoseconds(seconds: number): number {
  return Math.round(seconds * NANO) / NANO;
}

/**
 * Begins with the first time that it is given, and counts from the earliest: a capture may be out of order. Offsets that
 * were measured before are of the first one still; `moment` and `span` put them right.
 */
export class CaptureClock {
  /** Whether it has begun. */
  running = false;
  #seconds = 0;
  #nanoseconds = 0;
  /** Offset of the earliest and latest packet from the first one. */
  #earliest = 0;
  #latest = 0;

  /** Begins at a time, unless it has begun. */
  start(seconds: number, nanoseconds: number): void {
    if (this.running) return;
    this.running = true;
    this.#seconds = seconds;
    this.#nanoseconds = nanoseconds;
  }

  /** Takes a packet's time; returns its offset from the first packet's. */
  take(seconds: number, nanoseconds: number): number {
    this.start(seconds, nanoseconds);
    const offset = this.offset(seconds, nanoseconds);
    if (offset < this.#earliest) this.#earliest = offset;
    if (offset > this.#latest) this.#latest = offset;
    return offset;
  }

  /** Seconds from the earliest packet to the latest. */
  get span(): number {
    return this.#latest - this.#earliest;
  }

  /** Seconds from the first packet to a time; below 0 before it. */
  offset(seconds: number, nanoseconds: number): number {
    return seconds - this.#seconds + (nanoseconds - this.#nanoseconds) / NANO;
  }

  /** The time of an offset; null for NaN. */
  moment(offset: number): Moment | null {
    if (Number.isNaN(offset)) return null;
    const ticks = this.#nanoseconds + Math.round(offset * NANO);
    const seconds = Math.floor(ticks / NANO);
    return {
      time: formatTime(this.#seconds + seconds, ticks - seconds * NANO),
      offset: wholeNanoseconds(offset - this.#earliest),
    };
  }
}
