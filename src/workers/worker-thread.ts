/** One thread of a group, from the starting thread's side. */
import { Worker } from 'node:worker_threads';
import { plainMessage } from '../text/plain-text.js';
import { WorkersError } from './error.js';
import { createRing, type RingOptions } from './packet-ring.js';
import { type RingColumns, RingWriter } from './ring-writer.js';
import type { WorkerMessage, WorkerOutcome, WorkerStart } from './worker-message.js';

/** A worker with its ring, and the number of packets given to it. */
export class WorkerThread {
  /** Packets given to it. */
  given = 0;
  readonly writer: RingWriter;
  /** Resolves once it is ready for packets, or never will be. */
  readonly ready: Promise<void>;
  /** Resolves once it has reported its result, or never will. */
  readonly settled: Promise<void>;
  /** Resolves once the thread has ended. */
  readonly ended: Promise<void>;
  readonly #thread: Worker;
  readonly #index: number;
  #gone = false;
  #outcome: WorkerOutcome | undefined;
  #failure: WorkersError | undefined;

  /**
   * @param module the thread's code, which calls `servePackets`
   * @param index the worker's index, from 0
   * @param data copied to it
   * @param columns values carried with each packet
   */
  constructor(module: URL, index: number, data: unknown, options: RingOptions, columns: RingColumns) {
    const ring = createRing(options);
    this.writer = new RingWriter(ring, columns);
    this.#index = index;
    const workerData: WorkerStart = { ring, worker: index, data };
    const thread = new Worker(module, { workerData });
    this.#thread = thread;
    let resolveReady = (): void => undefined;
    let resolveSettled = resolveReady;
    let resolveEnded = resolveReady;
    this.ready = new Promise((resolve) => (resolveReady = resolve));
    this.settled = new Promise((resolve) => (resolveSettled = resolve));
    this.ended = new Promise((resolve) => (resolveEnded = resolve));
    thread.on('message', (message: WorkerMessage) => {
      if (message.kind === 'ready') {
        resolveReady();
        return;
      }
      this.#outcome = message;
      resolveSettled();
    });
    thread.on('messageerror', () => this.#fail('sent an unreadable message'));
    thread.on('error', (error) => this.#fail(`ended: ${reasonOf(error)}`));
    thread.on('exit', (code) => {
      this.#gone = true;
      if (this.#outcome === undefined) this.#fail(`ended before its packets did (exit code ${code})`);
      // Otherwise a caller waiting for space would wait forever.
      this.writer.wake();
      resolveReady();
      resolveSettled();
      resolveEnded();
    });
  }

  /** Packets given to the worker that no result includes; 0 while it may still report them. */
  get lost(): number {
    return this.#outcome === undefined && !this.#gone ? 0 : this.given - (this.#outcome?.taken ?? 0);
  }

  /** Its report, or undefined. */
  get outcome(): WorkerOutcome | undefined {
    return this.#outcome;
  }

  /** Why it ended early, or undefined. */
  get failure(): WorkersError | undefined {
    return this.#failure;
  }

  /**
   * Gives the worker a packet with its columns. Once it has ended, all packets are accepted, and lost.
   * @returns false if there is no space
   * @throws WorkersError `RECORD_TOO_LARGE`
   */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.#gone && !this.writer.push(bytes, start, end)) return false;
    this.given++;
    return true;
  }

  /** Waits for space in the ring, or for the thread's end. */
  async room(): Promise<void> {
    if (!this.#gone) await this.writer.room();
  }

  /** Terminates the thread, whatever its state. */
  async close(): Promise<void> {
    if (!this.#gone) await this.#thread.terminate();
    await this.ended;
  }

  #fail(what: string): void {
    this.#failure ??= new WorkersError('WORKER_FAILED', `worker ${this.#index + 1} ${what}`);
  }
}

/** The message of an error in one line, without the stack. */
export function reasonOf(error: unknown): string {
  return error instanceof Error
    ? plainMessage(error.message.split('\n', 1)[0])
    : 'it threw a value that is not an Error';
}
