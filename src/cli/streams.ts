/** Where what a call writes goes: standard output and standard error, or what its caller takes in their place. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { writeStandardOutput } from '../capture/standard-stream.js';

/** What a call writes to. */
export interface Streams {
  /** Takes results. The bytes are the taker's. */
  readonly output: (bytes: Uint8Array) => void;
  /** Takes words for people, line ends included. */
  readonly remarks: (text: string) => void;
}

/** The process's own. */
const STANDARD: Streams = {
  output: writeStandardOutput,
  remarks: (text) => void process.stderr.write(text),
};

const taken = new AsyncLocalStorage<Streams>();

/** Calls `run`, whose results and words go to other streams than the process's. */
export function withStreams<T>(streams: Streams, run: () => Promise<T>): Promise<T> {
  return taken.run(streams, run);
}

/** The streams of the call that this is in. */
export function currentStreams(): Streams {
  return taken.getStore() ?? STANDARD;
}
