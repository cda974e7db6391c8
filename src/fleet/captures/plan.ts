/** What a run of jobs is to do, wherever they are done. */
import { CaptureError } from '../../capture/index.js';
import { plainMessage } from '../../text/plain-text.js';
import { CAPTURE_JOB_VERSION, type CaptureJob, type JobFile } from './capture-job.js';
import { CaptureJobError } from './error.js';
import type { JobMessage } from './job-message.js';

/** What all jobs of a run have in common. */
export type RunOptions = Omit<CaptureJob, 'version' | 'files'>;

/** A run: the files of each job, in the order in which their answers are merged. */
export interface CapturePlan {
  readonly options: RunOptions;
  /** Paths of files, as the user named them. */
  readonly jobs: readonly (readonly [string, ...string[]])[];
  /** Keys, for who opens them; the caller wipes them. Undefined without. */
  readonly keys: Uint8Array<SharedArrayBuffer> | undefined;
}

/** A message of a job. */
export interface JobAnswer {
  readonly job: number;
  readonly message: Exclude<JobMessage, { kind: 'unusable' }>;
}

/** Does the jobs of a plan: in threads of this process, or by workers of a queue. */
export interface JobRunner {
  /**
   * Does all jobs.
   * @returns their messages, those of the first job first
   * @throws CaptureError if a file can't be read; CaptureJobError, StoreError
   */
  run(plan: CapturePlan, signal: AbortSignal): AsyncIterable<JobAnswer>;
}

/** A job of a plan. */
export function jobOf({ options, jobs }: CapturePlan, index: number, fileAt: (path: string) => JobFile): CaptureJob {
  return {
    version: CAPTURE_JOB_VERSION,
    ...options,
    files: jobs[index].map((name) => ({ name, file: fileAt(name) })),
  };
}

/**
 * Checks that the messages of a job are complete: parts, and how each of its files ended.
 * @throws CaptureError if a file can't be read; CaptureJobError, with the name of the job's first file
 */
export async function* answersOf(
  plan: CapturePlan,
  job: number,
  messages: AsyncIterable<JobMessage>,
): AsyncGenerator<JobAnswer> {
  const [name, ...others] = plan.jobs[job];
  try {
    for await (const message of complete(messages, 1 + others.length)) yield { job, message };
  } catch (error) {
    if (!(error instanceof CaptureJobError)) throw error;
    throw new CaptureJobError(error.code, `${name}: ${error.message}`, { cause: error });
  }
}

async function* complete(messages: AsyncIterable<JobMessage>, files: number): AsyncGenerator<JobAnswer['message']> {
  let [parts, ended] = [0, 0];
  for await (const message of messages) {
    if (message.kind === 'unusable') {
      const { code, message: reason } = message.fault;
      throw new CaptureError(code, plainMessage(reason));
    }
    if (message.kind === 'end') ended++;
    else parts++;
    if (ended > files) break;
    yield message;
  }
  if (ended === files && parts > 0) return;
  throw new CaptureJobError('BAD_OUTCOME', 'its job answered for another number of files');
}
