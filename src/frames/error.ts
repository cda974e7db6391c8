import { VtepError } from '../error.js';

/** What can be wrong with a call of the upper level. */
export type FramesErrorCode =
  /** Keys that can't be read: no such file, too large, or two key rings. */
  | 'KEYS_UNUSABLE'
  /** A config that can't be read. */
  | 'CONFIG_UNUSABLE'
  /** An edit of a header that the packet doesn't have, or of a packet that isn't whole. */
  | 'NOT_EDITABLE'
  /** A new value that doesn't fit its field, or an address of the other IP version. */
  | 'BAD_EDIT'
  /** A packet that doesn't fit the output: another link type in a pcap file or no packet at all, or an output that is already closed. */
  | 'NOT_WRITABLE'
  /** Not a piece of a decapsulated capture, or not the next one: another process sent it. */
  | 'BAD_PIECE';

/** An error of the upper level. */
export class FramesError extends VtepError<FramesErrorCode> {}
