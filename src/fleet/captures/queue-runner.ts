/** Has the jobs of a plan done by the workers of a queue. */
import { randomUUID } from 'node:crypto';
import { plainMessage } from '../../text/plain-text.js';
import { StoreError } from '../error.js';
import type { JobOutcome, JobQueue } from '../queue/job-queue.js';
import { CaptureJobError } from './error.js';
import { HeldResults } from './held-results.js';
import { readResult } from './job-result.js';
import { answersOf, type CapturePlan, type JobAnswer, type JobRunner } from './plan.js';
import { type KeySealer, RunSeal } from './run-seal.js';
import { RunSubmission } from './run-submission.js';

/** How often a run that the server lost is given to it again without a job more being done. */
const MAX_RESTARTS = 3;
const PATIENCE = 60_000;

/** How to use a queue. */
export interface QueueRunnerOptions {
  readonly queue: JobQueue;
  /** Whether workers read the files themselves, under the same paths. @default false: the files are uploaded */
  readonly sharedPaths?: boolean;
  /** Seals everything that the run has in the queue. Needed if the plan has keys. */
  readonly sealer?: KeySealer | undefined;
  /** Called as things go on. */
  readonly onProgress?: (progress: RunProgress) => void;
  /**
   * Milliseconds without a first outcome after which a warning asks for workers.
   * @default 60000
   */
  readonly patience?: number;
  /** Called with what the user should know. */
  readonly onWarning?: (message: string) => void;
}

/** How far a run is. */
export interface RunProgress {
  readonly jobs: number;
  /** Files that are uploaded, of how many. */
  readonly uploaded: number;
  readonly files: number;
  /** Jobs with an outcome. */
  readonly done: number;
  /** Whether the server is in reach. */
  readonly connected: boolean;
}

/** The server no longer has a run, or not all of it. */
class RunLost extends Error {
  override readonly cause: StoreError | CaptureJobError;

  constructor(cause: StoreError | CaptureJobError) {
    super(cause.message);
    this.cause = cause;
  }
}

/**
 * Has jobs done by workers. Results that come early are held, those beyond 64 MiB on disk. A run that the server loses, as it
 * does when its storage is emptied, is given to it again without the jobs whose answers are merged.
 */
export class QueueRunner implements JobRunner {
  readonly #options: QueueRunnerOptions;

  constructor(options: QueueRunnerOptions) {
    this.#options = options;
  }

  /** @throws CaptureJobError `SEALED`, `JOB_FAILED`, `RUN_LOST`, `BAD_OUTCOME`, `FILE_CHANGED`; CaptureError; StoreError */
  async *run(plan: CapturePlan, signal: AbortSignal): AsyncGenerator<JobAnswer> {
    const { sealer, onWarning } = this.#options;
    if (plan.keys !== undefined && sealer === undefined) {
      throw new CaptureJobError('SEALED', 'keys go to workers only sealed, with a key-encryption key (--kek FILE)');
    }
    let done = 0;
    for (let restarts = 0; ;) {
      const round = new Round(this.#options, plan, done);
      try {
        yield* round.run(signal);
        return;
      } catch (error) {
        if (!(error instanceof RunLost)) throw error;
        restarts = round.answered > 0 ? 0 : restarts + 1;
        done += round.answered;
        const { message } = error;
        if (round.isMidway || restarts > MAX_RESTARTS) {
          throw new CaptureJobError('RUN_LOST', `the queue lost what it had: ${message}; run the command again`, {
            cause: error.cause,
          });
        }
        onWarning?.(
          `the queue lost what it had (${message}): it gets the other ${plan.jobs.length - done} captures again`,
        );
      }
    }
  }
}

/** The jobs of a plan that are left, as one run of the queue. */
class Round {
  /** Jobs whose answers are merged: the first ones. */
  answered = 0;
  /** Whether some of the next job's answers are merged, and others not. */
  isMidway = false;
  readonly #options: QueueRunnerOptions;
  readonly #whole: CapturePlan;
  readonly #plan: CapturePlan;
  /** Index of the first job. */
  readonly #first: number;
  readonly #name = `captures-${randomUUID()}`;
  readonly #files: number;
  #uploaded = 0;
  #done = 0;
  #wasReset = false;

  constructor(options: QueueRunnerOptions, plan: CapturePlan, first: number) {
    this.#options = options;
    this.#whole = plan;
    this.#first = first;
    this.#plan = { ...plan, jobs: plan.jobs.slice(first) };
    this.#files = options.sharedPaths === true ? 0 : this.#plan.jobs.reduce((sum, { length }) => sum + length, 0);
  }

  /** @throws RunLost; as of `QueueRunner.run` */
  async *run(signal: AbortSignal): AsyncGenerator<JobAnswer> {
    const { queue, sealer, onWarning } = this.#options;
    const seal = sealer && { key: RunSeal.create(), sealer };
    try {
      yield* this.#answers(seal, signal);
    } catch (error) {
      throw asLost(error);
    } finally {
      seal?.key.wipe();
      await queue.remove(this.#name).catch(() => {
        onWarning?.(`the queue is out of reach, and keeps the run ${this.#name}, for a day at most`);
      });
    }
  }

  async *#answers(
    seal: { readonly key: RunSeal; readonly sealer: KeySealer } | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<JobAnswer> {
    const { queue, sharedPaths = false, patience = PATIENCE, onWarning } = this.#options;
    const plan = this.#plan;
    const run = this.#name;
    this.#progress();
    const onUploaded = (): void => {
      this.#uploaded++;
      this.#progress();
    };
    const submission = new RunSubmission({ queue, run, plan, seal, sharedPaths, signal, onUploaded });
    await submission.submit();
    const doubt = setTimeout(() => {
      onWarning?.(`no capture is done after ${patience / 1000} s: is there a worker (vtep worker --fleet)?`);
    }, patience);
    const held = new HeldResults();
    const seen = new Set<number>();
    try {
      for await (const outcome of this.#outcomes(submission, signal)) {
        clearTimeout(doubt);
        const { index } = outcome;
        if (index >= plan.jobs.length || seen.has(index)) continue;
        seen.add(index);
        this.#done = seen.size;
        this.#progress();
        if (outcome.kind === 'failed') throw this.#failure(outcome);
        held.put(index, outcome.result);
        for (; seen.has(this.answered); this.answered++, this.isMidway = false) {
          const job = this.answered;
          const place = { queue, run, index: job, seal: seal?.key };
          for await (const answer of answersOf(plan, job, readResult(place, held.take(job) ?? new Uint8Array()))) {
            this.isMidway = true;
            yield { ...answer, job: this.#first + job };
          }
        }
      }
      signal.throwIfAborted();
      if (this.answered < plan.jobs.length) {
        throw new StoreError('NOT_THERE', `the run ${run} ended without all of its outcomes`);
      }
    } finally {
      clearTimeout(doubt);
      held.close();
    }
  }

  /** The outcomes, also if the server lost jobs and they have to be submitted again. */
  async *#outcomes(submission: RunSubmission, signal: AbortSignal): AsyncGenerator<JobOutcome> {
    for (;;) {
      try {
        yield* this.#options.queue.outcomes(this.#name, this.#plan.jobs.length, signal);
        return;
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'RESET') throw error;
        this.#wasReset = true;
        await submission.submitAgain();
      }
    }
  }

  /** A server that lost jobs may have lost files that they need. */
  #failure({ index, reason, attempts }: Extract<JobOutcome, { kind: 'failed' }>): Error {
    const [name] = this.#plan.jobs[index];
    const times = attempts === 1 ? 'once' : `${attempts} times`;
    const error = new CaptureJobError('JOB_FAILED', plainMessage(`${name}: its job failed ${times}: ${reason}`));
    return this.#wasReset ? new RunLost(error) : error;
  }

  #progress(): void {
    const { queue, onProgress } = this.#options;
    onProgress?.({
      jobs: this.#whole.jobs.length,
      uploaded: this.#uploaded,
      files: this.#files,
      done: this.#first + this.#done,
      connected: queue.connected,
    });
  }
}

function asLost(error: unknown): unknown {
  return error instanceof StoreError && error.code === 'NOT_THERE' ? new RunLost(error) : error;
}
