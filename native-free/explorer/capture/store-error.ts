import { VtepError } from '../../../src/error.js';

/** Why bytes of a file can't be read. */
export type StoreErrorCode =
  /** The browser or the server doesn't give them. */
  | 'READ_FAILED'
  /** The file isn't the one that was opened any more: its size or its version differs. */
  | 'FILE_CHANGED'
  /** The server sends whole files only. */
  | 'NO_RANGES'
  /** Its compressed data expands to more than is kept. */
  | 'TOO_LARGE'
  /** Its compressed data is damaged from the beginning, or the browser can't expand it. */
  | 'NOT_EXPANDED';

/** Bytes of a file that can't be read. */
export class StoreError extends VtepError<StoreErrorCode> {}
