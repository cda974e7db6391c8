/**
 * Reads a config while packets pass: files that are slow, or pipes that nobody writes to, and the time that parsing takes
 * are a thread's of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Topology } from '../overlay/index.js';
import { type ParsedArguments, UsageError } from './arguments.js';
import { type PackedTopology, unpackTopology } from './packed-topology.js';
import { currentStreams } from './streams.js';

/**
 * What the thread says: remarks for people, and at its end the topology or what is wrong with it.
 * @internal
 */
export type LoaderMessage =
  | { readonly kind: 'remark'; readonly text: string }
  | { readonly kind: 'read'; readonly packed: PackedTopology }
  | { readonly kind: 'refused'; readonly text: string };

const THREAD = new URL('./config-thread.js', import.meta.url);
const MILLISECONDS = 1000;
/** Seconds that all of it may take. */
const LIMIT = 60;
/** Reads the config that options say, once or over and over. */
export class ConfigLoader {
  readonly #parsed: ParsedArguments;
  #thread: Worker | undefined;
  /** Settled once the thread is gone. */
  #gone: Promise<void> = Promise.resolve();
  #refuse: ((error: UsageError) => void) | undefined;

  constructor(parsed: ParsedArguments) {
    this.#parsed = parsed;
  }

  /**
   * Reads it. One reading at a time.
   * @throws UsageError for whatever is wrong with it, if it takes too long, or if `close` is called meanwhile
   */
  async load(): Promise<Topology> {
    let timer: NodeJS.Timeout | undefined;
    const stopped = new Promise<never>((_, refuse) => {
      this.#refuse = refuse;
      timer = setTimeout(() => refuse(new UsageError(`it took more than ${LIMIT} s to read`)), LIMIT * MILLISECONDS);
    });
    try {
      // The thread of the reading before may be in a system call still.
      await Promise.race([this.#gone, stopped]);
      return unpackTopology(await Promise.race([this.#read(), stopped]));
    } finally {
      clearTimeout(timer);
      this.#refuse = undefined;
      void this.#thread?.terminate();
    }
  }

  /** Ends a reading: `load` throws. */
  close(): void {
    this.#refuse?.(new UsageError('its reading was ended'));
  }

  /**
   * Waits until no thread is left.
   * @returns false if there is one after so many milliseconds, which a system call doesn't let go
   */
  async ended(milliseconds: number): Promise<boolean> {
    await Promise.race([this.#gone, sleep(milliseconds, undefined, { ref: false })]);
    return this.#thread === undefined;
  }

  #read(): Promise<PackedTopology> {
    const thread = new Worker(THREAD, { workerData: this.#parsed });
    this.#thread = thread;
    this.#gone = new Promise((done) => {
      thread.once('exit', () => {
        this.#thread = undefined;
        done();
      });
    });
    const { remarks } = currentStreams();
    return new Promise((done, refuse) => {
      thread.once('error', (error: Error) => refuse(new UsageError(`it could not be read: ${error.message}`)));
      thread.on('message', (message: LoaderMessage) => {
        if (message.kind === 'remark') remarks(message.text);
        else if (message.kind === 'read') done(message.packed);
        else refuse(new UsageError(message.text));
      });
    });
  }
}
