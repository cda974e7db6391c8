/** What a queue takes: names of runs and files, and sizes. */
import { plainMessage, quoted } from '../../text/plain-text.js';
import { StoreError } from '../error.js';

/** Most bytes of a job's work. */
export const MAX_WORK_LENGTH = 65_536;
/** Most jobs of a run. */
export const MAX_RUN_JOBS = 65_536;
/** Most jobs that wait or are under way, of all runs. */
export const MAX_JOBS = 262_144;
/** Most bytes of a job's result. */
export const MAX_RESULT_LENGTH = 67_108_864;
/** Most bytes of a file. */
export const MAX_FILE_LENGTH = 17_179_869_184;
/** Most characters of the name of a file. */
export const MAX_FILE_NAME = 255;
/** Most characters of why a job failed. */
export const MAX_REASON_LENGTH = 1_024;
/** Most jobs that one call of `work` does at a time. */
export const MAX_CONCURRENCY = 256;
/** Most attempts that a job may be given. */
export const MAX_ATTEMPTS = 1_000;

/** Milliseconds without a word from its worker after which a job is given to another. */
export const DEFAULT_ACK_WAIT = 30_000;
export const DEFAULT_ATTEMPTS = 4;
/** Milliseconds before a job that failed is tried again. */
export const DEFAULT_RETRY_WAIT = 1_000;
/** Milliseconds that an attempt may take. */
export const DEFAULT_TIME_LIMIT = 3_600_000;
/** Milliseconds after which a run that nobody removed is gone. */
export const DEFAULT_EXPIRY = 86_400_000;

const RUN = /^[A-Za-z0-9-]{1,64}$/;

/** @throws StoreError `BAD_KEY` */
export function checkRun(run: string): void {
  if (RUN.test(run)) return;
  throw new StoreError('BAD_KEY', `a run's name is 1 to 64 letters, digits and "-", not ${quoted(run)}`);
}

/** @throws StoreError `BAD_KEY` */
export function checkFileName(name: string): void {
  // A lone surrogate has no UTF-8: two names would become one.
  if (name.length > 0 && name.length <= MAX_FILE_NAME && !/[\ud800-\udfff]/u.test(name)) return;
  throw new StoreError('BAD_KEY', `a file's name in a run is 1 to ${MAX_FILE_NAME} characters, not ${quoted(name)}`);
}

/** @throws StoreError `TOO_LARGE` */
export function checkJobs(jobs: readonly Uint8Array[]): void {
  if (jobs.length > MAX_RUN_JOBS) {
    throw new StoreError('TOO_LARGE', `a run has ${jobs.length} jobs, and at most ${MAX_RUN_JOBS} are allowed`);
  }
  const index = jobs.findIndex(({ length }) => length > MAX_WORK_LENGTH);
  if (index < 0) return;
  const { length } = jobs[index];
  throw new StoreError('TOO_LARGE', `job ${index} has ${length} bytes, and at most ${MAX_WORK_LENGTH} are allowed`);
}

/** @throws StoreError `TOO_LARGE` */
export function checkFileLength(name: string, length: number): void {
  if (length <= MAX_FILE_LENGTH) return;
  throw new StoreError('TOO_LARGE', `${quoted(name)} has more than ${MAX_FILE_LENGTH} bytes`);
}

/** Why something failed, as one line without keys. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.slice(0, MAX_REASON_LENGTH * 4).split('\n', 1)[0];
  return plainMessage(line).slice(0, MAX_REASON_LENGTH);
}
