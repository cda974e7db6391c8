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
/** Milliseconds that a thread gets to end. */
const ENDING = 1000;

/** Reads the config that options say, once or over and over. */
export class ConfigLoader {
  readonly #parsed: ParsedArguments;
  /** The thread that reads; also one that was ended and is still in a system call. */
  #thread: Worker | undefined;
  #refuse: ((error: UsageError) => void) | undefined;

  constructor(parsed: ParsedArguments) {
    this.#parsed = parsed;
  }

  /**
   * Reads it. One reading at a time.
   * @throws UsageError for whatever is wrong with it, if it takes too long, or if `close` is called meanwhile
   */
  async load(): Promise<Topology> {
    if (this.#thread !== undefined) throw new UsageError('the reading before this one has not ended yet');
    const thread = new Worker(THREAD, { workerData: this.#parsed });
    this.#thread = thread;
    thread.once('exit', () => (this.#thread = undefined));
    const { remarks } = currentStreams();
    let timer: NodeJS.Timeout | undefined;
    try {
      const packed = await new Promise<PackedTopology>((done, refuse) => {
        this.#refuse = refuse;
        timer = setTimeout(() => refuse(new UsageError(`it took more than ${LIMIT} s to read`)), LIMIT * MILLISECONDS);
        thread.once('error', (error: Error) => refuse(new UsageError(`it could not be read: ${error.message}`)));
        thread.on('message', (message: LoaderMessage) => {
          if (message.kind === 'remark') remarks(message.text);
          else if (message.kind === 'read') done(message.packed);
          else refuse(new UsageError(message.text));
        });
      });
      return unpackTopology(packed);
    } finally {
      clearTimeout(timer);
      this.#refuse = undefined;
      // One that a system call doesn't let go keeps nobody waiting for long.
      await Promise.race([thread.terminate(), sleep(ENDING, undefined, { ref: false })]);
    }
  }

  /** Whether a thread is still there: after `close`, one that is stuck in a system call. */
  get busy(): boolean {
    return this.#thread !== undefined;
  }

  /** Ends a reading: `load` throws. */
  close(): void {
    this.#refuse?.(new UsageError('its reading was ended'));
  }
}
