import { VtepError } from '../error.js';

/** What can be wrong with what a caller says about the network. */
export type OverlayErrorCode =
  /** The bytes that a key ring was to be read from hold none. */
  | 'NO_KEYS'
  /** They are a key ring, and not as it should be. */
  | 'BAD_KEY_RING'
  /** A key that protects nothing: one byte over and over, or the same under two tags. */
  | 'WEAK_KEY'
  /** A key that is overwritten already was to be used. */
  | 'KEY_WIPED'
  /** A forwarding table can't be as it was asked for. */
  | 'BAD_TABLE'
  | 'BAD_PREFIX'
  /** An MTU that leaves no room. */
  | 'BAD_MTU'
  /** A config that can't be used. */
  | 'BAD_CONFIG'
  /** A change that doesn't fit the topology as it is. */
  | 'BAD_CHANGE'
  /** An output of Docker or the kernel that can't be read. */
  | 'BAD_IMPORT'
  /** Times of rotation that can't be kept. */
  | 'BAD_SCHEDULE';

/** An error of the overlay floor. Its message never holds a key. */
export class OverlayError extends VtepError<OverlayErrorCode> {}
