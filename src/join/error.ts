import { VtepError } from '../error.js';

/** What can go wrong between a node and its swarm. */
export type JoinErrorCode =
  /** An option that can't be used. */
  | 'BAD_OPTION'
  /** Not a join token. */
  | 'BAD_TOKEN'
  /** A manager's token, which would make this process a manager. */
  | 'MANAGER_TOKEN'
  /** The swarm only accepts nodes with FIPS cryptography. */
  | 'FIPS_SWARM'
  /** The swarm's managers don't accept the token: it was rotated, or is mistyped. */
  | 'TOKEN_REJECTED'
  /** The manager belongs to another swarm than the token, or its root CA was rotated. */
  | 'WRONG_CLUSTER'
  /** An administrator removed this node. */
  | 'REMOVED_FROM_SWARM'
  /** Another process uses the same identity. */
  | 'IDENTITY_IN_USE'
  /** There is neither a stored identity nor a token. */
  | 'NO_IDENTITY'
  /** A stored identity is corrupt, or not an identity. */
  | 'BAD_IDENTITY'
  /** The state directory can't be used. */
  | 'STATE_UNUSABLE'
  /** This machine's clock and the swarm's certificates contradict each other. */
  | 'CLOCK_SKEW'
  /** This node's certificate has expired: it was away too long. */
  | 'CERTIFICATE_EXPIRED'
  /** The manager's certificate isn't one of this swarm's managers. */
  | 'FOREIGN_CERTIFICATE'
  /** An administrator promoted this node; vtep refuses to be a manager. */
  | 'PROMOTED'
  /** Nothing listens at the address. */
  | 'CONNECTION_REFUSED'
  /** No answer to the connection attempt. */
  | 'CONNECTION_TIMEOUT'
  /** Any other failure of the connection. */
  | 'CONNECTION_FAILED'
  /** A manager accepted the call, but didn't answer in time. */
  | 'MANAGER_SILENT'
  /** A manager can't serve now: it lost its leader, or restarts. */
  | 'MANAGER_UNAVAILABLE'
  /** A manager refused a call for a reason that none of the other codes names. */
  | 'MANAGER_REFUSED'
  /** What answered doesn't speak the managers' protocol. */
  | 'BAD_ANSWER'
  /** A manager ended the session. */
  | 'SESSION_ENDED'
  /** No network of that name or id. */
  | 'NETWORK_NOT_FOUND'
  /** The network was created without `--attachable`. */
  | 'NETWORK_NOT_ATTACHABLE'
  /** The requested address is taken, or isn't in the network. */
  | 'ADDRESS_TAKEN'
  /** The network has no free address, or couldn't be allocated. */
  | 'NO_ADDRESS'
  /** The node is drained or paused, so that it gets no attachments. */
  | 'NODE_NOT_ACTIVE'
  /** The node was closed. */
  | 'CLOSED';

/** Join tokens, wherever a message quotes one. */
const TOKEN = /SWMTKN[\w-]*/gi;
/** What a manager says is quoted up to this length. */
const MAX_REASON = 200;

/** An error of joining. Its message never contains a token, a key, or an identity. */
export class JoinError extends VtepError<JoinErrorCode> {
  constructor(code: JoinErrorCode, message: string, options?: ErrorOptions) {
    super(code, message.replaceAll(TOKEN, '[hidden]'), options);
  }
}

/** Shortens what a manager said to what fits in a message. */
export function shortReason(reason: string): string {
  return reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}…` : reason;
}
