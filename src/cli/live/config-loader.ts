/**
 * Reads a config in a separate thread, so that slow files, pipes without a writer, and parsing don't delay packets.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { MeshSettings, Topology } from '../../overlay/index.js';
import { type PackedTopology, unpackTopology } from './packed-topology.js';
import type { ConfigValues, MemberValue } from '../options/config-option.js';
import { currentStreams } from '../streams.js';
import { UsageError } from '../usage-error.js';

/** What is read: a config, a file of `--mesh`, or both. */
export interface LoaderValues extends ConfigValues, MemberValue {
  readonly mesh: string | undefined;
}

/** What was read. */
export interface Loaded {
  /** Undefined if no option describes a network. */
  readonly topology: Topology | undefined;
  /** Undefined without `--mesh`. */
  readonly mesh: MeshSettings | undefined;
}

/**
 * A message from the thread: a diagnostic, or finally what was read, or an error.
 * @internal
 */
export type LoaderMessage =
  | { readonly kind: 'remark'; readonly text: string }
  | {
      readonly kind: 'read';
      readonly packed: PackedTopology | undefined;
      readonly mesh: MeshSettings | undefined;
    }
  | { readonly kind: 'refused'; readonly text: string };

/**
 * Begins the load of a thread.
 * @internal
 */
export const BEGIN = 'begin';

const THREAD = new URL('./config-thread.js', import.meta.url);
const MILLISECONDS = 1000;
/** Time limit of a load, in seconds. */
const LIMIT = 60;

/** Loads the config that the options name, any number of times. */
export class ConfigLoader {
  readonly #values: LoaderValues;
  #thread: Worker | undefined;
  /** A thread that waits for the next load. */
  #ahead: Worker | undefined;
  #isClosed = false;
  /** Settles when the thread has exited. */
  #gone: Promise<void> = Promise.resolve();
  #refuse: ((error: UsageError) => void) | undefined;

  /** @param values the options that describe the network, and `--mesh` */
  constructor({ config, vtep, docker, fdb, neigh, swarm, ring, member, mesh }: LoaderValues) {
    this.#values = { config, vtep, docker, fdb, neigh, swarm, ring, member, mesh };
  }

  /**
   * Starts the thread of the next load, which is most of what a load takes. None is used twice: a config has keys, and what
   * was read of them goes with the thread.
   */
  startAhead(): void {
    if (this.#isClosed || this.#ahead !== undefined) return;
    const thread = new Worker(THREAD, { workerData: this.#values });
    this.#ahead = thread;
    thread.unref();
    const forget = (): void => {
      if (this.#ahead === thread) this.#ahead = undefined;
    };
    // The next load starts another, and says what is wrong with it.
    thread.once('error', forget);
    thread.once('exit', forget);
  }

  /**
   * Loads the config. Don't call it again before it settles.
   * @throws UsageError if the config is invalid, takes too long, or `close` is called meanwhile
   */
  async load(): Promise<Loaded> {
    let timer: NodeJS.Timeout | undefined;
    const stopped = new Promise<never>((_, refuse) => {
      this.#refuse = refuse;
      timer = setTimeout(() => refuse(new UsageError(`reading it took more than ${LIMIT} s`)), LIMIT * MILLISECONDS);
    });
    try {
      // The thread of the previous load may still be in a system call.
      await Promise.race([this.#gone, stopped]);
      const { packed, mesh } = await Promise.race([this.#read(), stopped]);
      return { topology: packed && unpackTopology(packed), mesh };
    } finally {
      clearTimeout(timer);
      this.#refuse = undefined;
      void this.#thread?.terminate();
    }
  }

  /** Cancels a load: `load` throws. None is begun from now on. */
  close(): void {
    this.#isClosed = true;
    void this.#ahead?.terminate();
    this.#refuse?.(new UsageError('reading it was cancelled'));
  }

  /**
   * Waits until the thread has exited.
   * @returns false if it is still running after so many milliseconds, stuck in a system call
   */
  async ended(milliseconds: number): Promise<boolean> {
    await Promise.race([this.#gone, sleep(milliseconds, undefined, { ref: false })]);
    return this.#thread === undefined;
  }

  #read(): Promise<Extract<LoaderMessage, { kind: 'read' }>> {
    const thread = this.#ahead ?? new Worker(THREAD, { workerData: this.#values });
    this.#ahead = undefined;
    this.#thread = thread;
    thread.ref();
    this.#gone = new Promise((done) => {
      thread.once('exit', () => {
        this.#thread = undefined;
        done();
      });
    });
    const { warnings } = currentStreams();
    return new Promise((done, refuse) => {
      thread.once('error', (error: Error) => refuse(new UsageError(`can't read it: ${error.message}`)));
      thread.on('message', (message: LoaderMessage) => {
        if (message.kind === 'remark') warnings(message.text);
        else if (message.kind === 'read') done(message);
        else refuse(new UsageError(message.text));
      });
      thread.postMessage(BEGIN);
    });
  }
}
