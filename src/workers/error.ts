import { VtepError } from '../error.js';

/** What can go wrong with worker threads and the rings between them. */
export type WorkersErrorCode =
  /** Invalid ring options. */
  | 'BAD_RING'
  /** A packet too large for a ring of this size. */
  | 'RECORD_TOO_LARGE'
  /** The ring's contents were not written by its writer. */
  | 'BAD_RECORD'
  /** Invalid group options. */
  | 'BAD_GROUP'
  /** Called outside a worker thread of a group. */
  | 'NOT_A_WORKER'
  /** A worker ended without reporting its result. */
  | 'WORKER_FAILED'
  /** The threads of a task didn't read the same input. */
  | 'INPUT_CHANGED';

/** An error of the workers module. Its message never contains a key. */
export class WorkersError extends VtepError<WorkersErrorCode> {}
