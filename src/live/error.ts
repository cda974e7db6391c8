import { VtepError } from '../error.js';

/** What can go wrong where vtep meets the system that it runs on. */
export type LiveErrorCode =
  /** Another process, or another object of this one, has the state. */
  | 'STATE_IN_USE'
  /** A file of state isn't as it was written: cut off, changed, empty. */
  | 'TORN_STATE'
  /** It is whole and of a version that isn't known. */
  | 'STATE_VERSION'
  /** A record that can't be. */
  | 'BAD_STATE'
  /** The system doesn't let it be read or written. */
  | 'STATE_UNUSABLE';

/** An error of the live floor. */
export class LiveError extends VtepError<LiveErrorCode> {}
