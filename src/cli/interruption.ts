/**
 * Ctrl-C for commands that report what they read: the first one ends the reading, the command prints its report, and
 * then the process dies by the signal, as without a handler. A second one ends it immediately.
 */
import { constants } from 'node:os';

let enabled = false;
let interrupted = false;
let wake: (() => void) | undefined;

/** From now on, Ctrl-C ends the reading of inputs instead of the process. */
export function stopReadingOnInterrupt(): void {
  if (enabled) return;
  enabled = true;
  process.once('SIGINT', () => {
    interrupted = true;
    wake?.();
  });
}

/** Whether Ctrl-C has ended the reading. */
export function isInterrupted(): boolean {
  return interrupted;
}

/** Waits for a promise; if Ctrl-C ends the reading first, the result is undefined. */
export function unlessInterrupted<T>(promise: Promise<T>): Promise<T | undefined> {
  if (!enabled) return promise;
  if (interrupted) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    wake = () => resolve(undefined);
    promise.then(resolve, reject);
  });
}

/** Ends this process by SIGINT if Ctrl-C ended the reading, so that a shell stops its script too. */
export function endIfInterrupted(): void {
  if (!interrupted) return;
  process.removeAllListeners('SIGINT');
  process.kill(process.pid, 'SIGINT');
  // PID 1 of a container survives the default action.
  process.exit(128 + constants.signals.SIGINT);
}
