/** A clock that a test moves. */
import { setImmediate } from 'node:timers/promises';
import { type QueueTime } from '../../../src/fleet/index.js';

export class ManualTime implements QueueTime {
  #now = 0;
  readonly #waiting = new Set<{ readonly due: number; readonly resume: () => void }>();

  now(): number {
    return this.#now;
  }

  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || milliseconds <= 0) return;
    await new Promise<void>((resolve) => {
      const resume = (): void => {
        this.#waiting.delete(wait);
        signal.removeEventListener('abort', resume);
        resolve();
      };
      const wait = { due: this.#now + milliseconds, resume };
      this.#waiting.add(wait);
      signal.addEventListener('abort', resume, { once: true });
    });
  }

  /** At once: whoever waited until a time between sees only the end of it. */
  advance(milliseconds: number): void {
    this.#now += milliseconds;
    for (const { due, resume } of [...this.#waiting]) if (due <= this.#now) resume();
  }

  /** Lets everything happen that needs no more time. */
  async settled(): Promise<void> {
    await setImmediate();
  }
}
