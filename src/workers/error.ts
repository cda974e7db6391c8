import { VtepError } from '../error.js';

/** What can go wrong with worker threads and the rings between them. */
export type WorkersErrorCode =
  /** A ring can't be as it was asked for. */
  | 'BAD_RING'
  /** A packet that no ring of that size takes. */
  | 'RECORD_TOO_LARGE'
  /** What stands in a ring was not written by its writer. */
  | 'BAD_RECORD'
  /** A group can't be as it was asked for. */
  | 'BAD_GROUP'
  /** What only a thread of a group can do was called elsewhere. */
  | 'NOT_A_WORKER'
  /** A worker ended before it told its result. */
  | 'WORKER_FAILED';

/** An error of the workers' floor. Its message never holds a key. */
export class WorkersError extends VtepError<WorkersErrorCode> {}
