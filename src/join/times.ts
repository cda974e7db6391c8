/** How long a node waits for what, in milliseconds. */
export interface JoinTimes {
  /** For the TCP and TLS handshakes with a manager. */
  readonly connectMs: number;
  /** For the answer to a call, and for the first message of a session. */
  readonly callMs: number;
  /** For a certificate to be issued, in all. */
  readonly issueMs: number;
  /** For the swarm to assign a requested attachment (Docker's own limit is 20 s). */
  readonly attachMs: number;
  /** Until a failed attachment is requested again. */
  readonly attachRetryMs: number;
  /** Until a failed renewal is tried again. */
  readonly renewRetryMs: number;
  /** Maximum pause between attempts to reach a manager. */
  readonly backoffMs: number;
  /** For detaching, when the node is closed. */
  readonly closeMs: number;
}

/** What engines use, where they have such a limit. */
export const DEFAULT_TIMES: JoinTimes = {
  connectMs: 5_000,
  callMs: 5_000,
  issueMs: 30_000,
  attachMs: 20_000,
  attachRetryMs: 30_000,
  renewRetryMs: 60_000,
  backoffMs: 8_000,
  closeMs: 5_000,
};
