/** One thread of a group, as the thread that started it sees it. */
import { Worker } from 'node:worker_threads';
import { plainMessage } from '../plain-text.js';
import { WorkersError } from './error.js';
import { createRing, type RingOptions } from './packet-ring.js';
import { type RingColumns, RingWriter } from './ring-writer.js';
import type { WorkerMessage, WorkerOutcome, WorkerStart } from './worker-message.js';

/** A worker with the ring to it, and the count of what it was given. */
export class WorkerThread {
  /** Packets that it was given. */
  given = 0;
  readonly writer: RingWriter;
  /** Settled once it takes packets, or never will. */
  readonly ready: Promise<void>;
  /** Settled once it told its result, or never will. */
  readonly settled: Promise<void>;
  /** Settled once the thread has ended. */
  readonly ended: Promise<void>;
  readonly #thread: Worker;
  readonly #number: number;
  #gone = false;
  #outcome: WorkerOutcome | undefined;
  #failure: WorkersError | undefined;

  /**
   * @param module what the thread runs, which calls `servePackets`
   * @param number the worker's, from 0 on
   * @param data copied to it
   * @param columns that stand beside each packet
   */
  constructor(module: URL, number: number, data: unknown, options: RingOptions, columns: RingColumns) {
    const ring = createRing(options);
    this.writer = new RingWriter(ring, columns);
    this.#number = number;
    const workerData: WorkerStart = { ring, worker: number, data };
    const thread = new Worker(module, { workerData });
    this.#thread = thread;
    let tellReady = (): void => undefined;
    let tellSettled = tellReady;
    let tellEnded = tellReady;
    this.ready = new Promise((resolve) => (tellReady = resolve));
    this.settled = new Promise((resolve) => (tellSettled = resolve));
    this.ended = new Promise((resolve) => (tellEnded = resolve));
    thread.on('message', (message: WorkerMessage) => {
      if (message.kind === 'ready') {
        tellReady();
        return;
      }
      this.#outcome = message;
      tellSettled();
    });
    thread.on('messageerror', () => this.#fail("told what this thread can't read"));
    thread.on('error', (error) => this.#fail(`ended: ${reasonOf(error)}`));
    thread.on('exit', (code) => {
      this.#gone = true;
      if (this.#outcome === undefined) this.#fail(`ended before its packets did (exit code ${code})`);
      // Whoever waits for room would wait for ever.
      this.writer.wake();
      tellReady();
      tellSettled();
      tellEnded();
    });
  }

  /** Packets that it was given and that are in no result: none as long as it may still tell of them. */
  get lost(): number {
    return this.#outcome === undefined && !this.#gone ? 0 : this.given - (this.#outcome?.taken ?? 0);
  }

  /** What it told at its end, or undefined. */
  get outcome(): WorkerOutcome | undefined {
    return this.#outcome;
  }

  /** Why it ended early, or undefined. */
  get failure(): WorkersError | undefined {
    return this.#failure;
  }

  /**
   * Gives it a packet, with the columns. One that has ended takes all, and they are lost.
   * @returns false if there is no room
   * @throws WorkersError `RECORD_TOO_LARGE`
   */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.#gone && !this.writer.push(bytes, start, end)) return false;
    this.given++;
    return true;
  }

  /** Waits for room, or for its end. */
  async room(): Promise<void> {
    if (!this.#gone) await this.writer.room();
  }

  /** Ends the thread, whatever it does. */
  async close(): Promise<void> {
    if (!this.#gone) await this.#thread.terminate();
    await this.ended;
  }

  #fail(what: string): void {
    this.#failure ??= new WorkersError('WORKER_FAILED', `worker ${this.#number + 1} ${what}`);
  }
}

/** In one line, without the stack. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? plainMessage(error.message.split('\n', 1)[0]) : 'it threw what is no error';
}
