import { VtepError } from '../error.js';

/** Why a store refuses or fails. */
export type StoreErrorCode =
  /** Someone else changed the key since the revision that the caller expects. Nothing was written. */
  | 'CONFLICT'
  /** The server can't be reached or doesn't answer. A write with this code was not made. */
  | 'UNAVAILABLE'
  /** A write was sent, and the connection or the time ran out before its answer. It may or may not have been made. */
  | 'OUTCOME_UNKNOWN'
  /** A value is longer than `MAX_VALUE_LENGTH`. */
  | 'TOO_LARGE'
  /** The store holds as many records, or bytes, as it may. */
  | 'FULL'
  /** A key or prefix is empty, too long or has a character that isn't allowed. */
  | 'BAD_KEY'
  /** Deletions after this revision are no longer kept: read a new snapshot. */
  | 'COMPACTED'
  /** The store is older than this revision: it lost writes or was made anew. Read a new snapshot. */
  | 'RESET'
  /** A lease was withdrawn by others before its holder renewed it. */
  | 'LEASE_LOST'
  /** The record of a lease can't be made: its duration, token or value is out of bounds. */
  | 'BAD_LEASE'
  /** A sealed value can't be opened: made with another key, for another purpose, or changed since. */
  | 'SEALED'
  /** The key that seals keys in a store can't be read, isn't one, or protects nothing. */
  | 'BAD_KEK'
  /** A duty of the leader was to write, and this node no longer leads. */
  | 'NOT_LEADER'
  /** The store's address isn't nats://HOST:PORT/OVERLAY. */
  | 'BAD_ADDRESS'
  /** The server's bucket has settings with which records disappear by themselves, or that keep none. */
  | 'UNSUITABLE'
  /** The server refuses the credentials, or they don't permit the operation. */
  | 'NOT_PERMITTED'
  /** A file of credentials or certificates can't be read. */
  | 'UNREADABLE'
  /** The packages of the NATS client aren't installed. */
  | 'NATS_UNAVAILABLE'
  /** There is no such store, run or file: it was removed, has expired, or never was. */
  | 'NOT_THERE'
  /** A file isn't what was stored: pieces are missing, or its digest differs. */
  | 'DAMAGED'
  /** A record that is needed can't be read: another program or a later version wrote it. */
  | 'BAD_RECORD'
  /** The store was closed by its user. */
  | 'CLOSED';

/** What a store throws. */
export class StoreError extends VtepError<StoreErrorCode> {}
