/** The port of a queue of jobs that many workers share. Adapters: `MemoryQueue`, `NatsQueue`. */

/** A job as a worker gets it. */
export interface Job {
  /** The run that it belongs to, and its index there. */
  readonly run: string;
  readonly index: number;
  /** What is to be done: at most 65,536 bytes. Another program may have written it: check it like any input. */
  readonly work: Uint8Array;
  /** How often it was given out, this time included. */
  readonly attempt: number;
}

/** What became of a job. Each job of a run has one outcome, whatever happened to its workers. */
export type JobOutcome =
  | { readonly index: number; readonly kind: 'done'; readonly result: Uint8Array }
  /**
   * It failed on every attempt, its workers died, or its result can't be read. The reason is one line of at most 1,024
   * characters, without keys. Attempts don't count that a worker gave back as it shut down.
   */
  | { readonly index: number; readonly kind: 'failed'; readonly reason: string; readonly attempts: number };

/**
 * Does a job. What it throws is its failure, and the job is tried again: what no other attempt would change belongs in the
 * result. While it runs, the queue tells the server that the job is being worked on, which takes an event loop that isn't
 * blocked: work of more than a few seconds belongs in a thread.
 * @param signal aborted when the worker ends, and when the job takes too long: what is returned then is ignored
 * @returns the result, at most 67,108,864 bytes; what is larger goes into a file of the run. The queue owns it from then on
 */
export type JobHandler = (job: Job, signal: AbortSignal) => Promise<Uint8Array>;

export interface WorkOptions {
  /** Ends it: jobs under way are given back, and another worker has them at once. */
  readonly signal: AbortSignal;
  /**
   * Jobs at a time, 1 to 256.
   * @default 1
   */
  readonly concurrency?: number;
  /**
   * Milliseconds that an attempt may take. It fails then, whatever its handler does.
   * @default 3600000
   */
  readonly timeLimit?: number;
}

/**
 * A queue of jobs. A job is given to another worker if its worker dies, says nothing for too long, or fails; after a number
 * of attempts it has failed. Its result is stored once, under a key of its own, by whoever is first: a job whose worker was
 * only slow is done twice, and counted once. A run that nobody removes is gone a day after it was begun, done or not. Every
 * method throws StoreError; `CLOSED` after `close()`, `BAD_KEY` for a name that isn't allowed.
 */
export interface JobQueue {
  /** False while the server is out of reach. */
  readonly connected: boolean;

  /**
   * Begins a run, so that files can be put before its jobs are submitted. Again: does nothing.
   * @param run 1 to 64 letters, digits and `-`, unique
   * @throws StoreError `FULL`, `UNAVAILABLE`, `OUTCOME_UNKNOWN`
   */
  begin(run: string): Promise<void>;

  /**
   * Adds the jobs of a run, and begins it if nobody has. Again, after `OUTCOME_UNKNOWN` or by a coordinator that starts anew: adds those that are missing,
   * and never one that has an outcome.
   * @param jobs at most 65,536, each of at most 65,536 bytes
   * @throws StoreError `TOO_LARGE`, `FULL`, `UNAVAILABLE`, `OUTCOME_UNKNOWN`
   */
  submit(run: string, jobs: readonly Uint8Array[]): Promise<void>;

  /**
   * The outcomes of a run as they come, each job's once, until all are there, or the signal or `close()` ends it. It waits
   * while the server is out of reach, and goes on where it was. A new call, also by another process, begins with the first.
   * @param count how many jobs were submitted; submit them before
   * @throws StoreError `NOT_THERE` if there is no such run (any more); `RESET` if the server lost jobs of it: submit them
   * again
   */
  outcomes(run: string, count: number, signal?: AbortSignal): AsyncIterable<JobOutcome>;

  /**
   * Removes a run: its jobs, outcomes and files. Results of jobs under way are dropped. Of a run that isn't there: does nothing.
   * @throws StoreError `UNAVAILABLE`, `OUTCOME_UNKNOWN`
   */
  remove(run: string): Promise<void>;

  /**
   * Does jobs of all runs, in the order they came, until the signal or `close()` ends it. Waits while the server is out of
   * reach. It doesn't wait for handlers that ignore their signal.
   * @throws StoreError `NOT_PERMITTED`
   */
  work(handler: JobHandler, options: WorkOptions): Promise<void>;

  /**
   * Stores a file of a run, in pieces: one that its jobs need, or one that a worker made. It is there as a whole or not at
   * all.
   * @param name 1 to 255 characters, unique in the run
   * @throws StoreError `NOT_THERE` if there is no such run; `CONFLICT` if the run has a file of that name, which stays; `TOO_LARGE` above 17,179,869,184 bytes,
   * `FULL`, `UNAVAILABLE`
   */
  putFile(run: string, name: string, pieces: AsyncIterable<Uint8Array>): Promise<void>;

  /**
   * Reads a file of a run, checked against its digest at the end. It waits while the server is out of reach.
   * @throws StoreError `NOT_THERE`, `DAMAGED` if it isn't what was stored
   */
  readFile(run: string, name: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;

  /** Ends everything; jobs under way are given back. Again: does nothing. */
  close(): Promise<void>;
}
