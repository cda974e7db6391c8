/**
 * Worker threads without rings: each gets its input itself, works on its share of it, and returns one result. That suits
 * a capture file, which the page cache holds once for all threads: reading it again costs less than handing packets over.
 */
import { Worker } from 'node:worker_threads';
import { WorkersError } from './error.js';
import { TaskControl, type TaskOutcome, type TaskStart } from './task-message.js';
import { checkWorkers } from './worker-count.js';
import { reasonOf } from './worker-thread.js';

/** Options of a task. */
export interface TaskOptions {
  /** Number of threads, 1 to 64. */
  readonly workers: number;
  /** Start data of a thread. It is copied to it, except for shared memory, which is how to pass keys. */
  readonly data: (worker: number) => unknown;
}

/**
 * A task in progress.
 * @example
 * import { isMainThread } from 'node:worker_threads';
 * import { closeShared, openShared, readShared, type SharedFile } from 'vtep/capture';
 * import { serveTask, TaskGroup } from 'vtep/workers';
 *
 * if (isMainThread) {
 *   const file = openShared('wire.pcap');
 *   if (file === undefined) throw new Error('only one thread can read it');
 *   const task = new TaskGroup(new URL(import.meta.url), { workers: 2, data: () => file });
 *   console.log(await task.finish()); // long packets among every second one, and among the others
 *   await task.close();
 *   closeShared(file);
 * } else {
 *   await serveTask(async (data, { worker, workers }) => {
 *     const source = await readShared(data as SharedFile);
 *     let index = 0;
 *     let long = 0;
 *     for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
 *       for (let i = 0; i < batch.count; i++) {
 *         if (index++ % workers === worker && batch.originalLength[i] > 1500) long++;
 *       }
 *     }
 *     return long;
 *   });
 * }
 */
export class TaskGroup {
  readonly #control: TaskControl;
  readonly #threads: readonly Worker[];
  readonly #results: Promise<unknown[]>;

  /**
   * Starts the threads.
   * @param module the threads' code, which calls `serveTask`
   * @throws WorkersError `BAD_GROUP`
   */
  constructor(module: URL, { workers, data }: TaskOptions) {
    checkWorkers(workers);
    const control = TaskControl.create(workers);
    this.#control = new TaskControl(control);
    this.#threads = Array.from({ length: workers }, (_, worker) => {
      const workerData: TaskStart = { task: true, worker, workers, control, data: data(worker) };
      return new Worker(module, { workerData });
    });
    this.#results = Promise.all(this.#threads.map(resultOf));
    // A failure is reported by `finish`, which may be called later.
    this.#results.catch(() => undefined);
  }

  /** How far the slowest thread is, in the unit that the threads report it in; 0 at first. */
  get progress(): number {
    return this.#control.progress;
  }

  /** Asks the threads to end early; they return the results of what they have done. */
  stop(): void {
    this.#control.stop();
  }

  /**
   * Waits for the results.
   * @returns one per thread, in order of their index
   * @throws WorkersError `WORKER_FAILED` if a thread ended without one: the rest is then incomplete
   */
  finish(): Promise<unknown[]> {
    return this.#results;
  }

  /** Terminates all threads, whatever their state, and waits until they have ended. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}

function resultOf(thread: Worker, worker: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (what: string): void => {
      reject(new WorkersError('WORKER_FAILED', `worker ${worker + 1} ${what}`));
    };
    thread.on('message', ({ result }: TaskOutcome) => resolve(result));
    thread.on('messageerror', () => fail('sent an unreadable message'));
    thread.on('error', (error) => fail(`ended: ${reasonOf(error)}`));
    thread.on('exit', (code) => fail(`ended before its work was done (exit code ${code})`));
  });
}
