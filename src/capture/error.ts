import { VtepError } from '../error.js';

/** What can be wrong with a capture file. */
export type CaptureErrorCode =
  /** Empty, or no format that is known. */
  | 'NOT_A_CAPTURE'
  /** The format is known but not this version or kind of it. */
  | 'UNSUPPORTED_CAPTURE'
  /** The file ends in the middle of a record. */
  | 'CAPTURE_CUT_OFF'
  /** A length or marker can't be right; nothing behind it can be trusted. */
  | 'CAPTURE_DAMAGED'
  /** The device that packets came from went away, or down. */
  | 'DEVICE_GONE'
  /** A time that the output format can't hold. */
  | 'TIME_OUT_OF_RANGE'
  /** A file couldn't be opened, read, written or renamed. */
  | 'FILE_UNUSABLE';

/** A capture that can't be read or written. */
export class CaptureError extends VtepError<CaptureErrorCode> {}
