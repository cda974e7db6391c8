import { VtepError } from '../error.js';

/** Failures of foreign-function calls. */
export type ForeignErrorCode =
  /** koffi, the library or its function is missing. */
  'FOREIGN_UNAVAILABLE';

/** Thrown if native code can't be called. */
export class ForeignError extends VtepError<ForeignErrorCode> {}
