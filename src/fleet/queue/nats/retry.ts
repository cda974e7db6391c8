/** Many questions to the server at a time, and those that may be repeated until it answers. */
import { isVtepError } from '../../../error.js';
import { StoreError } from '../../error.js';
import { SYSTEM_TIME } from '../time.js';
import { isGone } from './server-errors.js';
import { type QueueContext } from './streams.js';

/** Milliseconds before another attempt, while the server is there but can't answer yet. */
const RETRY = 100;
/** The same while it has no room. */
const RETRY_FULL = 1_000;

/** What goes away by itself, or when someone makes room. */
const PASSING: ReadonlySet<string> = new Set(['UNAVAILABLE', 'OUTCOME_UNKNOWN', 'FULL']);

/** Questions on their way to the server at a time. */
const WINDOW = 256;

/** Does something with each item, many at a time. After a failure nothing new is begun; it throws the first. */
export async function eachOf<T>(items: readonly T[], operation: (item: T) => Promise<void>): Promise<void> {
  const left = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const one = async (): Promise<void> => {
    for (const item of left) {
      await operation(item).catch((error: unknown) => failures.push(error));
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(WINDOW, items.length) }, one));
  if (failures.length > 0) throw failures[0];
}

/** Waits for the connection, and a moment. */
export async function untilUp({ link }: QueueContext, signal: AbortSignal, pause = RETRY): Promise<void> {
  await SYSTEM_TIME.wait(pause, signal);
  await link.up(signal);
}

/**
 * Does something until it is done, of a run.
 * @throws StoreError `NOT_THERE` if the run isn't there, `CLOSED`, also when the signal is aborted
 */
export async function untilDone<T>(
  context: QueueContext,
  run: string,
  signal: AbortSignal,
  operation: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      if (signal.aborted) throw new StoreError('CLOSED', 'it was ended');
      return await operation();
    } catch (error) {
      if (isGone(error)) throw new StoreError('NOT_THERE', `there is no run ${run}`, { cause: error });
      if (signal.aborted || context.link.failed || !isVtepError(error) || !PASSING.has(error.code)) throw error;
      await untilUp(context, signal, error.code === 'FULL' ? RETRY_FULL : RETRY);
    }
  }
}
