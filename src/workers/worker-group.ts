/**
 * Worker threads that take packets over rings, each its own. Packets of one worker keep their order. No packet is lost in
 * silence: given = in the results + lost.
 */
import { WorkersError } from './error.js';
import { checkColumns, type RingOptions } from './packet-ring.js';
import type { RingColumns } from './ring-writer.js';
import { WorkerThread } from './worker-thread.js';

/** Workers of a group at the most. */
export const MAX_WORKERS = 64;

/** How a group is made; the rings are all of one size. */
export interface WorkerGroupOptions extends RingOptions {
  /** 1 to 64. */
  readonly workers: number;
  /** What a worker starts with. It is copied to its thread; shared memory is not, and is the way for keys. */
  readonly data?: (worker: number) => unknown;
}

/** A group of worker threads. */
export class WorkerGroup {
  /** Where the caller puts the columns of a packet before it is pushed. */
  readonly integers: Int32Array;
  readonly floats: Float64Array;
  readonly #threads: readonly WorkerThread[];

  private constructor(threads: readonly WorkerThread[], { integers, floats }: RingColumns) {
    this.#threads = threads;
    this.integers = integers;
    this.floats = floats;
  }

  /**
   * Starts the threads, and waits until each takes packets or has failed to: `failures` says which.
   * @param module what each thread runs, which calls `servePackets`
   * @throws WorkersError `BAD_GROUP`, `BAD_RING`
   */
  static async start(module: URL, options: WorkerGroupOptions): Promise<WorkerGroup> {
    const { workers, data, integers = 0, floats = 0 } = options;
    if (!Number.isInteger(workers) || workers < 1 || workers > MAX_WORKERS) {
      throw new WorkersError('BAD_GROUP', `a group has 1 to ${MAX_WORKERS} workers, not ${workers}`);
    }
    checkColumns(integers, floats);
    const columns = { integers: new Int32Array(integers), floats: new Float64Array(floats) };
    const threads: WorkerThread[] = [];
    try {
      for (let i = 0; i < workers; i++) threads.push(new WorkerThread(module, i, data?.(i), options, columns));
    } catch (error) {
      await Promise.all(threads.map((thread) => thread.close()));
      throw error;
    }
    await Promise.all(threads.map(({ ready }) => ready));
    return new WorkerGroup(threads, columns);
  }

  /** How many workers it has, those included that have ended. */
  get size(): number {
    return this.#threads.length;
  }

  /** Packets that were given to workers. */
  get given(): number {
    return this.#threads.reduce((sum, { given }) => sum + given, 0);
  }

  /** Packets that were given to workers that ended before they told what came of them. */
  get lost(): number {
    return this.#threads.reduce((sum, { lost }) => sum + lost, 0);
  }

  /** Packets that a worker lost. */
  lostTo(worker: number): number {
    return this.#threads[worker].lost;
  }

  /** Why workers ended early: one error each, in the order of their numbers. */
  get failures(): readonly WorkersError[] {
    return this.#threads.flatMap(({ failure }) => failure ?? []);
  }

  /**
   * Gives a packet to a worker, with the columns beside it. One that has ended takes all, and they count as lost.
   * @param worker its number, from 0 on
   * @param bytes what the packet stands in, from `start` to `end`: it is copied
   * @returns false if there is no room: wait for `room`, and push it again
   * @throws WorkersError `RECORD_TOO_LARGE`
   */
  push(worker: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#threads[worker].push(bytes, start, end);
  }

  /** Waits until a worker has room for any packet, or has ended. */
  async room(worker: number): Promise<void> {
    await this.#threads[worker].room();
  }

  /** Shows the workers all packets so far; without it they see them some dozen kilobytes at a time. */
  publish(): void {
    for (const { writer } of this.#threads) writer.publish();
  }

  /**
   * Says that no more packets come, and waits for what the workers tell.
   * @returns the results of those that told one
   */
  async finish(): Promise<unknown[]> {
    for (const { writer } of this.#threads) writer.end();
    await Promise.all(this.#threads.map(({ settled }) => settled));
    return this.#threads.flatMap(({ outcome }) => (outcome === undefined ? [] : [outcome.result]));
  }

  /** Ends all threads, whatever they do, and waits for that. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}
