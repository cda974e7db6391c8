/** A queue in this process: for one machine, and for tests. */
import { StoreError } from '../error.js';
import { type JobHandler, type JobOutcome, type JobQueue, type WorkOptions } from './job-queue.js';
import {
  checkFileLength,
  checkFileName,
  checkJobs,
  checkRun,
  DEFAULT_ACK_WAIT,
  DEFAULT_ATTEMPTS,
  DEFAULT_EXPIRY,
  DEFAULT_RETRY_WAIT,
  MAX_JOBS,
} from './limits.js';
import { MemoryJobs } from './memory-jobs.js';
import { MemoryRun } from './memory-run.js';
import { type QueueTime, sharedController, SYSTEM_TIME } from './time.js';
import { checkWorkOptions, type Delivery, work } from './worker.js';

/** Most runs: without jobs, results and files they would not count. */
const MAX_RUNS = 65_536;

export interface MemoryQueueOptions {
  /**
   * Milliseconds without a word from its worker after which a job is given to another.
   * @default 30000
   */
  readonly ackWait?: number;
  /**
   * Attempts after which a job has failed.
   * @default 4
   */
  readonly maxAttempts?: number;
  /**
   * Milliseconds before a job that failed is tried again.
   * @default 1000
   */
  readonly retryWait?: number;
  /**
   * Milliseconds after which a run that nobody removed is gone.
   * @default 86400000
   */
  readonly expiry?: number;
  /**
   * Most bytes of results and files together. One more is `FULL`, or the failure of the job.
   * @default 1073741824
   */
  readonly maxBytes?: number;
  /** @default the clock and the timers of Node */
  readonly time?: QueueTime;
}

/** A queue in memory: it is gone with the process. */
export class MemoryQueue implements JobQueue {
  readonly connected = true;
  readonly #options: Required<MemoryQueueOptions>;
  readonly #jobs: MemoryJobs;
  readonly #runs = new Map<string, MemoryRun>();
  readonly #closing = sharedController();
  readonly #works = new Set<Promise<void>>();
  #bytes = 0;

  constructor(options: MemoryQueueOptions = {}) {
    this.#options = {
      ackWait: DEFAULT_ACK_WAIT,
      maxAttempts: DEFAULT_ATTEMPTS,
      retryWait: DEFAULT_RETRY_WAIT,
      expiry: DEFAULT_EXPIRY,
      maxBytes: 2 ** 30,
      time: SYSTEM_TIME,
      ...options,
    };
    this.#jobs = new MemoryJobs(this.#options.ackWait, this.#options.time);
  }

  // Async, so that what a method throws rejects its promise.
  // eslint-disable-next-line @typescript-eslint/require-await
  async begin(run: string): Promise<void> {
    this.#check(run);
    this.#begun(run);
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async submit(run: string, jobs: readonly Uint8Array[]): Promise<void> {
    this.#check(run);
    checkJobs(jobs);
    const state = this.#begun(run);
    const missing = [...jobs.entries()].filter(([index]) => !state.has(index) && !this.#jobs.has(run, index));
    if (this.#jobs.size + missing.length > MAX_JOBS) {
      throw new StoreError('FULL', `the queue holds at most ${MAX_JOBS} jobs`);
    }
    for (const [index, work] of missing) this.#jobs.add(run, index, work.slice());
  }

  async *outcomes(run: string, count: number, signal?: AbortSignal): AsyncGenerator<JobOutcome> {
    this.#check(run);
    const { expiry, time } = this.#options;
    let at = 0;
    for (let reported = 0; reported < count;) {
      if (signal?.aborted || this.#closing.signal.aborted) return;
      const state = this.#run(run);
      const outcome = state.outcome(at);
      if (outcome === undefined) {
        await state.changed(time, state.begun + expiry, signal, this.#closing.signal);
        continue;
      }
      at++;
      if (outcome.index >= count) continue;
      reported++;
      yield outcome.kind === 'done' ? { ...outcome, result: outcome.result.slice() } : outcome;
    }
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async remove(run: string): Promise<void> {
    this.#check(run);
    this.#drop(run);
  }

  async work(handler: JobHandler, options: WorkOptions): Promise<void> {
    this.#checkOpen();
    checkWorkOptions(options);
    const source = { next: (signal: AbortSignal) => this.#next(signal) };
    const end = work(() => source, handler, options, this.#closing.signal, this.#options);
    this.#works.add(end);
    await end.finally(() => this.#works.delete(end));
  }

  async putFile(run: string, name: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    this.#check(run);
    checkFileName(name);
    this.#run(run).checkNew(name);
    const stored: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const piece of pieces) {
        length += piece.length;
        checkFileLength(name, length);
        this.#take(piece.length);
        stored.push(piece.slice());
      }
      this.#checkOpen();
      this.#run(run).addFile(name, stored, length);
    } catch (error) {
      this.#bytes -= stored.reduce((sum, piece) => sum + piece.length, 0);
      throw error;
    }
  }

  async *readFile(run: string, name: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    this.#check(run);
    checkFileName(name);
    for (const piece of this.#run(run).file(name)) {
      if (signal?.aborted || this.#closing.signal.aborted) return;
      yield await Promise.resolve(piece.slice());
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([...this.#works]);
    for (const run of [...this.#runs.keys()]) this.#drop(run);
  }

  async #next(signal: AbortSignal): Promise<Delivery | undefined> {
    const held = await this.#jobs.take(signal);
    if (held === undefined) return undefined;
    const { run, index } = held.job;
    return {
      job: { run, index, work: held.job.work.slice(), attempt: held.job.given },
      settled: () => Promise.resolve(this.#alive(run)?.has(index) !== false),
      attempts: () => Promise.resolve(held.job.given - held.job.givenBack),
      renew: () => {
        held.renew();
      },
      settle: (outcome) => {
        this.#settle(run, outcome, held.job.given - held.job.givenBack);
        this.#jobs.remove(run, index);
        return Promise.resolve();
      },
      dismiss: () => {
        this.#jobs.remove(run, index);
      },
      retry: (wait) => {
        held.release(wait);
      },
      giveBack: () => {
        held.giveBack();
        return Promise.resolve();
      },
    };
  }

  #settle(run: string, outcome: JobOutcome, attempts: number): void {
    const state = this.#alive(run);
    if (state === undefined || state.has(outcome.index)) return;
    const length = outcome.kind === 'done' ? outcome.result.length : 0;
    if (this.#hasRoom(length)) {
      this.#bytes += length;
      state.settle(outcome);
    } else {
      const reason = `its result of ${length} bytes finds no room`;
      state.settle({ index: outcome.index, kind: 'failed', reason, attempts });
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#bytes + bytes <= this.#options.maxBytes;
  }

  #take(bytes: number): void {
    if (!this.#hasRoom(bytes)) {
      throw new StoreError('FULL', `results and files have at most ${this.#options.maxBytes} bytes`);
    }
    this.#bytes += bytes;
  }

  #begun(run: string): MemoryRun {
    const there = this.#alive(run);
    if (there) return there;
    for (const name of [...this.#runs.keys()]) this.#alive(name);
    if (this.#runs.size >= MAX_RUNS)
      throw new StoreError('FULL', `the queue holds ${MAX_RUNS} runs, which is its limit`);
    const state = new MemoryRun(run, this.#options.time.now());
    this.#runs.set(run, state);
    return state;
  }

  #run(run: string): MemoryRun {
    const state = this.#alive(run);
    if (state === undefined) throw new StoreError('NOT_THERE', `there is no run ${run}`);
    return state;
  }

  /** Unless it has expired, which removes it. */
  #alive(run: string): MemoryRun | undefined {
    const state = this.#runs.get(run);
    if (state === undefined || this.#options.time.now() - state.begun < this.#options.expiry) return state;
    this.#drop(run);
    return undefined;
  }

  #drop(run: string): void {
    const state = this.#runs.get(run);
    this.#jobs.removeRun(run);
    if (state === undefined) return;
    this.#runs.delete(run);
    this.#bytes -= state.bytes;
    state.end();
  }

  #check(run: string): void {
    this.#checkOpen();
    checkRun(run);
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw new StoreError('CLOSED', 'the queue is closed');
  }
}
