import { VtepError } from '../error.js';

/** What can go wrong where vtep meets the system that it runs on. */
export type LiveErrorCode =
  /** Another process, or another object of this one, has the state. */
  | 'STATE_IN_USE'
  /** A file of state isn't as it was written: cut off, changed, empty. */
  | 'TORN_STATE'
  /** It is whole and of a version that isn't known. */
  | 'STATE_VERSION'
  /** A record that can't be. */
  | 'BAD_STATE'
  /** The system doesn't let it be read or written. */
  | 'STATE_UNUSABLE'
  /** This system has no such sockets or devices for us: it isn't Linux, or koffi isn't installed. */
  | 'SYSTEM_UNAVAILABLE'
  /** A system call failed. */
  | 'SYSTEM_CALL'
  /** The caller may not do that: root, or a capability, is needed. */
  | 'NOT_PERMITTED'
  /** Another program has the port. */
  | 'PORT_IN_USE'
  /** There is no such device, address or namespace. */
  | 'NOT_THERE'
  /** A config that can't be taken over by a node that runs, or that names what a device can't be. */
  | 'BAD_NODE';

/** An error of the live floor. */
export class LiveError extends VtepError<LiveErrorCode> {}
