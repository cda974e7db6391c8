import { VtepError } from '../error.js';

/** Mistakes of a caller of a node in a swarm. */
export type SwarmErrorCode =
  /** The node isn't on that network. */
  | 'UNKNOWN_NETWORK'
  /** The node is on that network already, or another of its networks has the same name or VNI. */
  | 'DUPLICATE_NETWORK'
  /** An endpoint can't be announced: its address, MAC or id is invalid or taken. */
  | 'BAD_ENDPOINT'
  /** An address is not one of this machine's. */
  | 'BAD_ADDRESS'
  /** The node was closed. */
  | 'CLOSED';

/** An error of a node in a swarm. */
export class SwarmError extends VtepError<SwarmErrorCode> {}
