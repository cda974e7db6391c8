import { VtepError } from '../error.js';

/** Failures of foreign-function calls. */
export type ForeignErrorCode =
  /** koffi, the library or its function is missing. */
  'FOREIGN_UNAVAILABLE';

/** An error of a foreign-function call. */
export class ForeignError extends VtepError<ForeignErrorCode> {}
