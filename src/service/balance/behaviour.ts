/** How a balancer behaves where Docker's has faults that its users report: single switches, set by one option. */
import { Compatibility } from '../../overlay/index.js';

/** The switches. Each is true for Docker's behaviour. */
export interface Behaviour {
  /**
   * Established connections end once they have been idle for IPVS's 900 s, and their next segment is reset. Otherwise
   * they stay until the table needs their slot.
   */
  readonly cutsIdle: boolean;
  /**
   * Backends are picked in turn, and a segment in the middle of an unknown connection is reset. Otherwise both are picked
   * by a consistent hash of the flow, so that the segment usually finds its backend again: after an eviction, after a
   * restart, and whatever other backends come and go.
   */
  readonly forgets: boolean;
  /**
   * A client that reuses a port meets its old connection: a SYN goes to the backend of weight 0 that it had, and is dropped
   * if that was removed. Otherwise it gets a new backend at once, and other segments to a removed one are reset.
   */
  readonly keepsReused: boolean;
  /**
   * Packets from an address that is one of the balancer's VIPs too are dropped, since Linux takes them for its own.
   * Otherwise such an endpoint is a client like any other.
   */
  readonly dropsLocalSources: boolean;
  /** A UDP answer is lost once conntrack has forgotten its flow (30 s, or 120 s after an answer), which IPVS still has. */
  readonly losesLateAnswers: boolean;
}

/** The switches of a behaviour. */
export function behaviourOf(compatibility: Compatibility): Behaviour {
  const docker = compatibility === Compatibility.Docker;
  return {
    cutsIdle: docker,
    forgets: docker,
    keepsReused: docker,
    dropsLocalSources: docker,
    losesLateAnswers: docker,
  };
}
