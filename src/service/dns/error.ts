import { VtepError } from '../../error.js';

/** What can be wrong with a call of the DNS server's tables. */
export type DnsErrorCode =
  /** A network that exists already, or one that doesn't exist. */
  | 'BAD_NETWORK'
  /** An option out of range. */
  | 'BAD_OPTION';

/** A caller's mistake. Messages from the network never cause one. */
export class DnsError extends VtepError<DnsErrorCode> {}
