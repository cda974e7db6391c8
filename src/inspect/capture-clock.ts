/** Capture times: in ISO 8601, and as seconds since the earliest packet, exact to the nanosecond for eighty days. */
import type { Moment } from './timeline-report.js';

const NANO = 1e9;

/** Formats a packet's time in ISO 8601, UTC, with nanoseconds: `2026-11-21T04:22:00.123456789Z`. */
export function formatTime(seconds: number, nanoseconds: number): string {
  const date = new Date(seconds * 1000);
  const fraction = nanoseconds.toString().padStart(9, '0');
  // A Date ends in the year 275760; beyond that, the bare number still shows what the capture contains.
  if (Number.isNaN(date.getTime())) return `${seconds}.${fraction}`;
  return `${date.toISOString().slice(0, -5)}.${fraction}Z`;
}

/** Rounds seconds to whole nanoseconds, dropping floating-point noise. */
export function wholeNanoseconds(seconds: number): number {
  return Math.round(seconds * NANO) / NANO;
}

/**
 * Starts at the first time it gets, and counts from the earliest: a capture may be out of order. Offsets returned
 * earlier stay relative to the first time; `moment` and `span` correct for that.
 */
export class CaptureClock {
  /** Whether it has started. */
  running = false;
  #seconds = 0;
  #nanoseconds = 0;
  /** Offsets of the earliest and latest packet from the first one. */
  #earliest = 0;
  #latest = 0;

  /** Starts at a time, unless already started. */
  start(seconds: number, nanoseconds: number): void {
    if (this.running) return;
    this.running = true;
    this.#seconds = seconds;
    this.#nanoseconds = nanoseconds;
  }

  /** Records a packet's time; returns its offset from the first packet in seconds. */
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

  /** Time of the earliest packet; null before the start. */
  get firstTime(): string | null {
    return this.running ? (this.moment(this.#earliest)?.time ?? null) : null;
  }

  /** Seconds from the first packet to a time; negative before it. */
  offset(seconds: number, nanoseconds: number): number {
    return seconds - this.#seconds + (nanoseconds - this.#nanoseconds) / NANO;
  }

  /** The time at an offset; null for NaN. */
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
