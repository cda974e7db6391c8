import { VtepError } from '../../error.js';

/** Why captures can't be read by jobs. */
export type CaptureJobErrorCode =
  /** What is in the queue is not a job of captures, or one of another version. */
  | 'BAD_JOB'
  /** What a worker answered is not the outcome of a job. */
  | 'BAD_OUTCOME'
  /** A worker's reason why a job failed. */
  | 'JOB_FAILED'
  /** The server lost a run, and giving it the run again doesn't help or isn't possible. */
  | 'RUN_LOST'
  /** A capture was changed while it was read. */
  | 'FILE_CHANGED'
  /** A worker may not read a file, or doesn't have it. */
  | 'FILE_REFUSED'
  /** Something was sealed with another key, or changed since. */
  | 'SEALED';

/** What reading captures by jobs throws. */
export class CaptureJobError extends VtepError<CaptureJobErrorCode> {}
