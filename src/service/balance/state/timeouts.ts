/** Idle timeouts of connections, in milliseconds. */
import { SCTP_TIMEOUTS } from './sctp-state.js';
import { TCP_TIMEOUTS, TcpState } from './tcp-state.js';

/** Milliseconds of a second. */
export const SECOND = 1000;
/** IPVS's timeout of UDP flows. */
export const UDP_TIMEOUT = 300_000;
/** IPVS's, by `TcpState`. */
export const TCP_MS = Int32Array.from(TCP_TIMEOUTS, (seconds) => seconds * SECOND);
/** IPVS's, by `SctpState`. */
export const SCTP_MS = Int32Array.from(SCTP_TIMEOUTS, (seconds) => seconds * SECOND);
/** Conntrack's timeouts of UDP flows: before an answer, and after one (nf_conntrack_udp_timeout, _timeout_stream). */
export const TRACKED_UDP_TIMEOUT = 30_000;
export const TRACKED_STREAM_TIMEOUT = 120_000;
/** Conntrack's, by `TcpState`: those of IPVS, except that an established connection lasts five days. */
export const TRACKED_TCP_MS = TCP_MS.slice();
TRACKED_TCP_MS[TcpState.Established] = 432_000 * SECOND;
