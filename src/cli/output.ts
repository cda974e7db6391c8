/** Output files that leave nothing behind if the process is interrupted. */
import { constants } from 'node:os';
import { OutputFile, type OutputFileOptions } from '../capture/index.js';
import { abandonPartFiles, hasPartFiles } from '../capture/file/part-file.js';
import { STANDARD_STREAM } from '../capture/file/standard-stream.js';
import { UsageError } from './usage-error.js';
import { outputScreen } from './streams.js';
import { say } from './text-output.js';

/** Signals that terminate a process by default. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Refuses to write a capture to a terminal.
 * @throws UsageError
 */
function refuseTerminal(path: string): void {
  if (path !== STANDARD_STREAM || !outputScreen().terminal) return;
  throw new UsageError('-o - writes a capture; redirect it or pipe it into tshark -r -');
}

/** How to write an output file. */
export interface OutputOptions extends OutputFileOptions {
  /**
   * Whether it is text, which a terminal may show.
   * @default false
   */
  readonly text?: boolean;
}

/**
 * Opens an output file, and reports unfinished files that an earlier run may have left.
 * @param input the file or files being read, which must not be the output
 * @throws CaptureError `FILE_UNUSABLE`; UsageError for binary output to a terminal
 */
export function openOutput(path: string, input?: string | readonly string[], options: OutputOptions = {}): OutputFile {
  if (options.text !== true) refuseTerminal(path);
  removeWhenEnded();
  const file = new OutputFile(path, input, options);
  sayLeftovers(file.leftovers);
  return file;
}

/**
 * Writes a text file, which appears complete or not at all.
 * @param ownerOnly whether only its owner can read it, because it holds keys
 * @throws CaptureError `FILE_UNUSABLE`
 */
export function writeText(path: string, text: string, ownerOnly = false): void {
  const file = openOutput(path, undefined, { ownerOnly, text: true });
  try {
    file.write(new TextEncoder().encode(text));
    file.commit();
  } finally {
    file.abandon();
  }
}

/** Reports unfinished files that may belong to a process in another container or on another host. */
export function sayLeftovers(paths: readonly string[]): void {
  for (const path of paths)
    say(`vtep: ${path}: unfinished, or being written in another container or host; delete it if it is a leftover`);
}

let watched = false;

/**
 * From now on, a signal that terminates this process also removes its unfinished files. Commands that handle a signal
 * themselves continue to do so.
 */
export function removeWhenEnded(): void {
  if (watched) return;
  watched = true;
  for (const signal of ENDING) process.on(signal, end);
}

function end(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  if (hasPartFiles()) abandonPartFiles();
  // Die by the signal, so that a shell sees which one it was.
  for (const one of ENDING) process.off(one, end);
  watched = false;
  process.kill(process.pid, signal);
  // PID 1 of a container survives the default action.
  process.exit(128 + constants.signals[signal]);
}
