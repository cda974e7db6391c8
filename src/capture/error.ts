import { VtepError } from '../error.js';

/** Why a capture can't be read or written. */
export type CaptureErrorCode =
  /** Empty, or an unknown format. */
  | 'NOT_A_CAPTURE'
  /** A known format, but an unsupported version or variant. */
  | 'UNSUPPORTED_CAPTURE'
  /** The file ends in the middle of a record. */
  | 'CAPTURE_CUT_OFF'
  /** A length or marker is invalid; nothing after it can be trusted. */
  | 'CAPTURE_DAMAGED'
  /** The capture device was removed or went down. */
  | 'DEVICE_GONE'
  /** A time that the output format can't represent. */
  | 'TIME_OUT_OF_RANGE'
  /** A file couldn't be opened, read, written or renamed. */
  | 'FILE_UNUSABLE';

/** A capture that can't be read or written. */
export class CaptureError extends VtepError<CaptureErrorCode> {}
