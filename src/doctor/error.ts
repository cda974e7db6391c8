import { VtepError } from '../error.js';

/** What can be wrong with a call of doctor. */
export type DoctorErrorCode =
  /** What another process sent isn't the result of an exam, or is of another version. */
  'BAD_RESULT';

/** An error of doctor. */
export class DoctorError extends VtepError<DoctorErrorCode> {}
