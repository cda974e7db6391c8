/** Idle timeouts of connections, in milliseconds. */
import { SCTP_TIMEOUTS } from './sctp-state.js';
import { TCP_TIMEOUTS } from './tcp-state.js';

/** Milliseconds of a second. */
export const SECOND = 1000;
/** IPVS's timeout of UDP flows. */
export const UDP_TIMEOUT = 300_000;
/** By `TcpState`. */
export const TCP_MS = Int32Array.from(TCP_TIMEOUTS, (seconds) => seconds * SECOND);
/** By `SctpState`. */
export const SCTP_MS = Int32Array.from(SCTP_TIMEOUTS, (seconds) => seconds * SECOND);
