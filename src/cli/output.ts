/** Outputs of a call: files that leave nothing behind when the call is interrupted. */
import { constants } from 'node:os';
import { OutputFile, type OutputFileOptions } from '../capture/output-file.js';
import { abandonPartFiles, hasPartFiles } from '../capture/part-file.js';
import { say } from './text-output.js';

/** Signals that end a process unless it heeds them. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Opens an output, and names what another call may have left of it.
 * @param input the file that is being read, which must not be the output
 * @throws CaptureError `FILE_UNUSABLE`
 */
export function openOutput(path: string, input?: string, options?: OutputFileOptions): OutputFile {
  removeWhenEnded();
  const file = new OutputFile(path, input, options);
  sayLeftovers(file.leftovers);
  return file;
}

/** Names unfinished files that can't be told from those of a process that runs elsewhere. */
export function sayLeftovers(paths: readonly string[]): void {
  for (const path of paths)
    say(`vtep: ${path}: left unfinished, or being written elsewhere; delete it if nothing does`);
}

let watched = false;

/**
 * From now on, a signal that ends this process also removes what it hasn't finished writing. Commands that heed a signal
 * by themselves go on doing so.
 */
export function removeWhenEnded(): void {
  if (watched) return;
  watched = true;
  for (const signal of ENDING) process.on(signal, end);
}

function end(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  if (hasPartFiles()) abandonPartFiles();
  // Ends as it would have without us, so that a shell sees by what.
  for (const one of ENDING) process.off(one, end);
  watched = false;
  process.kill(process.pid, signal);
  // The first process of a container doesn't die of it.
  process.exit(128 + constants.signals[signal]);
}
