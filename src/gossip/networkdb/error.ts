import { VtepError } from '../../error.js';

/** What can be wrong with a call of NetworkDB. */
export type NetworkDbErrorCode =
  /** This node isn't on the network, or already is. */
  | 'NOT_ON_NETWORK'
  | 'ALREADY_ON_NETWORK'
  /** No entry has this key, or one already does. */
  | 'UNKNOWN_ENTRY'
  | 'ENTRY_EXISTS'
  /** A table has no room for more. */
  | 'TABLE_FULL';

/** An error of NetworkDB: always the caller's mistake, never a message's. */
export class NetworkDbError extends VtepError<NetworkDbErrorCode> {}
