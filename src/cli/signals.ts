/** Signals while a command runs. */
import { constants } from 'node:os';

/** Called for each signal. */
export type SignalActions = Readonly<Partial<Record<NodeJS.Signals, () => void>>>;

/** Calls `run`; meanwhile signals call what they are given here and do nothing else. */
export async function withSignals<T>(actions: SignalActions, run: () => Promise<T>): Promise<T> {
  const entries = Object.entries(actions) as [NodeJS.Signals, () => void][];
  for (const [signal, action] of entries) process.on(signal, action);
  try {
    return await run();
  } finally {
    for (const [signal, action] of entries) process.off(signal, action);
  }
}

/** What ends a command: Ctrl-C, `kill`, a terminal that is closed. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const cleanUps = new Set<() => void>();

function end(signal: NodeJS.Signals): void {
  for (const cleanUp of cleanUps) cleanUp();
  for (const ending of ENDING) process.off(ending, end);
  // A shell ends a loop of commands only if a command of it died of the signal; to the shell that is 128 + its number.
  process.kill(process.pid, signal);
  // The first process of a container doesn't die of it.
  process.exit(128 + constants.signals[signal]);
}

/**
 * Calls `run`. SIGINT, SIGTERM and SIGHUP meanwhile call `cleanUp`, and the process ends by that signal. Without this it
 * would, too, but without the cleaning up.
 */
export async function cleaningUp<T>(cleanUp: () => void, run: () => Promise<T>): Promise<T> {
  // A function of its own, since the same one may be given twice.
  const own = (): void => cleanUp();
  if (cleanUps.size === 0) for (const ending of ENDING) process.on(ending, end);
  cleanUps.add(own);
  try {
    return await run();
  } finally {
    cleanUps.delete(own);
    if (cleanUps.size === 0) for (const ending of ENDING) process.off(ending, end);
  }
}
