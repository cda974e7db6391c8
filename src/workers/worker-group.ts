/**
 * Worker threads, each fed by a ring of packets, which it processes in order. No silent loss: given = in the results +
 * lost.
 */
import type { WorkersError } from './error.js';
import { checkColumns, type RingOptions } from './packet-ring.js';
import type { RingColumns } from './ring-writer.js';
import { checkWorkers } from './worker-count.js';
import { WorkerThread } from './worker-thread.js';

/** Options of a group; all rings have the same size. */
export interface WorkerGroupOptions extends RingOptions {
  /** 1 to 64. */
  readonly workers: number;
  /** Start data of a worker. It is copied to its thread, except for shared memory, which is how to pass keys. */
  readonly data?: (worker: number) => unknown;
}

/**
 * A group of worker threads.
 * @example
 * import { isMainThread } from 'node:worker_threads';
 * import { servePackets, WorkerGroup, workerOfFlow } from 'vtep/workers';
 *
 * if (isMainThread) {
 *   const group = await WorkerGroup.start(new URL(import.meta.url), { workers: 2 });
 *   const packet = new Uint8Array(100);
 *   for (let i = 0; i < 1000; i++) {
 *     const worker = workerOfFlow(i << 30, group.size); // of a packet: flowHash
 *     while (!group.push(worker, packet, 0, packet.length)) await group.room(worker);
 *   }
 *   console.log(await group.finish(), group.lost); // [ 50000, 50000 ] 0
 *   await group.close();
 * } else {
 *   let bytes = 0;
 *   servePackets(() => ({ packet: (_, start, end) => void (bytes += end - start), finish: () => bytes }));
 * }
 */
export class WorkerGroup {
  /** The caller sets a packet's columns here before pushing it. */
  readonly integers: Int32Array;
  readonly floats: Float64Array;
  readonly #threads: readonly WorkerThread[];

  private constructor(threads: readonly WorkerThread[], { integers, floats }: RingColumns) {
    this.#threads = threads;
    this.integers = integers;
    this.floats = floats;
  }

  /**
   * Starts the threads, and waits until each is ready for packets or has failed; see `failures`.
   * @param module the threads' code, which calls `servePackets`
   * @throws WorkersError `BAD_GROUP`, `BAD_RING`
   */
  static async start(module: URL, options: WorkerGroupOptions): Promise<WorkerGroup> {
    const { workers, data, integers = 0, floats = 0 } = options;
    checkWorkers(workers);
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

  /** Number of workers, including those that have ended. */
  get size(): number {
    return this.#threads.length;
  }

  /** Packets given to workers. */
  get given(): number {
    return this.#threads.reduce((sum, { given }) => sum + given, 0);
  }

  /** Packets given to workers that ended before reporting a result that includes them. */
  get lost(): number {
    return this.#threads.reduce((sum, { lost }) => sum + lost, 0);
  }

  /** Packets lost by a worker. */
  lostTo(worker: number): number {
    return this.#threads[worker].lost;
  }

  /** Why workers ended early: one error each, in order of worker index. */
  get failures(): readonly WorkersError[] {
    return this.#threads.flatMap(({ failure }) => failure ?? []);
  }

  /**
   * Gives a packet with its columns to a worker. A worker that has ended accepts all packets, and they count as lost.
   * @param worker its index, from 0
   * @param bytes holds the packet, from `start` to `end`; copied
   * @returns false if there is no space: wait for `room`, and push it again
   * @throws WorkersError `RECORD_TOO_LARGE`
   */
  push(worker: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#threads[worker].push(bytes, start, end);
  }

  /** Waits until a worker has space for any packet, or has ended. */
  async room(worker: number): Promise<void> {
    await this.#threads[worker].room();
  }

  /** Makes all packets so far visible to the workers; otherwise they see them several dozen kilobytes at a time. */
  publish(): void {
    for (const { writer } of this.#threads) writer.publish();
  }

  /**
   * Marks the end of the packets and waits for the workers' results.
   * @returns the results of the workers that reported one
   */
  async finish(): Promise<unknown[]> {
    for (const { writer } of this.#threads) writer.end();
    await Promise.all(this.#threads.map(({ settled }) => settled));
    return this.#threads.flatMap(({ outcome }) => (outcome === undefined ? [] : [outcome.result]));
  }

  /** Terminates all threads, whatever their state, and waits until they have ended. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}
