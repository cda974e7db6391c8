import { VtepError } from '../error.js';

/** Errors at the boundary to the operating system. */
export type LiveErrorCode =
  /** Another process, or another object in this process, holds the state file. */
  | 'STATE_IN_USE'
  /** A state file is corrupt: truncated, changed or empty. */
  | 'TORN_STATE'
  /** A state file is intact but has an unknown version. */
  | 'STATE_VERSION'
  /** A state record is invalid. */
  | 'BAD_STATE'
  /** A state file can't be read or written. */
  | 'STATE_UNUSABLE'
  /** System sockets and devices are unavailable: this isn't Linux, or koffi isn't installed. */
  | 'SYSTEM_UNAVAILABLE'
  /** The cap package or libpcap is missing. */
  | 'CAP_UNAVAILABLE'
  /** A system call failed. */
  | 'SYSTEM_CALL'
  /** Not permitted: needs root or a capability. */
  | 'NOT_PERMITTED'
  /** Another program uses the port. */
  | 'PORT_IN_USE'
  /** No such address or namespace. */
  | 'NOT_THERE'
  /** No such device. */
  | 'NO_SUCH_DEVICE'
  /** libpcap rejects the filter. */
  | 'BAD_FILTER'
  /** The device can't be used for capture or injection: it is down, or of an unknown kind. */
  | 'DEVICE_UNUSABLE'
  /** The device disappeared or went down while in use. */
  | 'DEVICE_GONE'
  /** nftables' program nft isn't installed, or doesn't answer. */
  | 'FIREWALL_UNAVAILABLE'
  /** nftables refuses the rules, as for want of a kernel module. */
  | 'FIREWALL_REFUSED'
  /** Another process listens on the status socket. */
  | 'STATUS_IN_USE'
  /** A status socket can't be made, or what answers on it isn't a node. */
  | 'STATUS_UNUSABLE'
  /** A worker of a VTEP ended unexpectedly. */
  | 'WORKER_FAILED'
  /** A config that can't be applied to a running node, or with settings that no device can have. */
  | 'BAD_NODE';

/** An error of the live layer. */
export class LiveError extends VtepError<LiveErrorCode> {}
