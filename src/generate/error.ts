import { VtepError } from '../error.js';

/** What can go wrong when traffic is generated. */
export type GenerateErrorCode =
  /** An option is out of range, or contradicts another. */
  | 'BAD_OPTION'
  /** A list of sizes that can't be parsed. */
  | 'BAD_SIZES'
  /** No fault or kind of traffic has this name. */
  | 'UNKNOWN_NAME'
  /** The capture can't be written from several threads. */
  | 'NOT_SHARED';

/** An error of the generator: a mistake in its options. */
export class GenerateError extends VtepError<GenerateErrorCode> {}
