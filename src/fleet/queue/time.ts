/** The time of a queue in this process. */
import { setMaxListeners } from 'node:events';

/** Longest time that a timer of Node takes, in milliseconds. */
const MAX_WAIT = 2 ** 31 - 1;

export interface QueueTime {
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  /** Resolves after so many milliseconds, or when the signal is aborted. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export const SYSTEM_TIME: QueueTime = {
  now: () => performance.now(),
  // Not that of node:timers/promises, which makes an error each time that a wait is ended.
  wait: (milliseconds, signal) =>
    new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, Math.min(Math.max(Math.ceil(milliseconds), 0), MAX_WAIT));
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    }),
};

/** Why a signal ends waits that are over, so that Node doesn't make an error for it. */
export const OVER = 'over';

/** One that may have as many listeners as there are jobs under way, without a warning of Node. */
export function sharedController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** Asks anew: what is known of `aborted` before a wait isn't true after it. */
export function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Resolves when the signal is aborted. Aborting `done` ends the wait, so that nothing stays attached to the signal. */
export async function aborted(signal: AbortSignal, done: AbortSignal): Promise<void> {
  if (signal.aborted || done.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      signal.removeEventListener('abort', end);
      done.removeEventListener('abort', end);
      resolve();
    };
    signal.addEventListener('abort', end, { once: true });
    done.addEventListener('abort', end, { once: true });
  });
}
