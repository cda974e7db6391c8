/** Messages and memory that the threads of a task share with the thread that started it. */

/** Start data of a task's thread. */
export interface TaskStart {
  readonly task: true;
  /** Its index, from 0, and the number of threads. */
  readonly worker: number;
  readonly workers: number;
  /** See `TaskControl`. */
  readonly control: SharedArrayBuffer;
  /** The caller's data. */
  readonly data: unknown;
}

/** A thread's only message. */
export interface TaskOutcome {
  readonly kind: 'result';
  readonly result: unknown;
}

// A cache line each, so that threads that report their progress don't slow each other down.
const LINE_BYTES = 64;
const LINE_FLOATS = LINE_BYTES / 8;

/** Memory shared by all threads of a task: a word that stops them, then each thread's progress. */
export class TaskControl {
  readonly #stop: Int32Array;
  readonly #progress: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#stop = new Int32Array(memory, 0, 1);
    this.#progress = new Float64Array(memory, LINE_BYTES);
  }

  static create(workers: number): SharedArrayBuffer {
    return new SharedArrayBuffer(LINE_BYTES * (1 + workers));
  }

  get stopped(): boolean {
    return Atomics.load(this.#stop, 0) !== 0;
  }

  stop(): void {
    Atomics.store(this.#stop, 0, 1);
  }

  setProgress(worker: number, progress: number): void {
    this.#progress[worker * LINE_FLOATS] = progress;
  }

  /** The least progress of all threads. */
  get progress(): number {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#progress.length; i += LINE_FLOATS) least = Math.min(least, this.#progress[i]);
    return least;
  }
}
