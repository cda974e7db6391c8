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
  /** The package cap, or libpcap, isn't there. */
  | 'CAP_UNAVAILABLE'
  /** A system call failed. */
  | 'SYSTEM_CALL'
  /** The caller may not do that: root, or a capability, is needed. */
  | 'NOT_PERMITTED'
  /** Another program has the port. */
  | 'PORT_IN_USE'
  /** There is no such address or namespace. */
  | 'NOT_THERE'
  /** No device has the name. */
  | 'NO_SUCH_DEVICE'
  /** libpcap can't read the filter. */
  | 'BAD_FILTER'
  /** The device can't be captured from or sent to: it is down, or of a kind that isn't known. */
  | 'DEVICE_UNUSABLE'
  /** The device went away, or down, in the midst of it. */
  | 'DEVICE_GONE'
  /** A config that can't be taken over by a node that runs, or that names what a device can't be. */
  | 'BAD_NODE';

/** An error of the live floor. */
export class LiveError extends VtepError<LiveErrorCode> {}
