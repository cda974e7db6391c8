import { VtepError } from '../error.js';

/** What can go wrong with native code that is called in place. */
export type ForeignErrorCode =
  /** koffi, the library or its function isn't there. */
  'FOREIGN_UNAVAILABLE';

/** An error of the calls of native code. */
export class ForeignError extends VtepError<ForeignErrorCode> {}
