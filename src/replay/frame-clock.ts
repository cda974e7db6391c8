import type { CaptureFrames } from './capture-frames.js';

/** The time of frames since the first one. Each further pass continues where the previous one ended. */
export class FrameClock {
  #now = 0;
  #start = Number.NaN;

  /** Begins another pass. */
  restart(): void {
    this.#start = Number.NaN;
  }

  /** The time of a frame, in seconds. */
  at({ seconds, nanoseconds }: Pick<CaptureFrames, 'seconds' | 'nanoseconds'>): number {
    return this.atTime(seconds, nanoseconds);
  }

  /** The same, by the frame's time: whole seconds, and the fraction in nanoseconds. */
  atTime(seconds: number, nanoseconds: number): number {
    const time = seconds + nanoseconds / 1e9;
    if (Number.isNaN(this.#start)) this.#start = time - this.#now;
    // A capture may contain any timestamps; a clock counts up to 2^53.
    this.#now = Math.min(Number.MAX_SAFE_INTEGER, Math.max(this.#now, time - this.#start));
    return this.#now;
  }
}
