/** Output streams of an invocation: standard output and standard error, or the caller's substitutes. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { writeStandardOutput } from '../capture/file/standard-stream.js';

/** The streams that an invocation writes to. */
export interface Streams {
  /** Takes results, and ownership of the bytes. */
  readonly output: (bytes: Uint8Array) => void;
  /** Takes diagnostics, line ends included. */
  readonly warnings: (text: string) => void;
}

/** The process's streams. */
const STANDARD: Streams = {
  output: writeStandardOutput,
  warnings: (text) => void process.stderr.write(text),
};

const taken = new AsyncLocalStorage<Streams>();

/** Calls `run` with its results and diagnostics redirected to `streams`. */
export function withStreams<T>(streams: Streams, run: () => Promise<T>): Promise<T> {
  return taken.run(streams, run);
}

/** The streams of the current invocation. */
export function currentStreams(): Streams {
  return taken.getStore() ?? STANDARD;
}
