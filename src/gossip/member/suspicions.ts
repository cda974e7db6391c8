import { NodeState } from '../wire/messages.js';
import { type MemberContext } from './context.js';
import { suspicionTimeout } from './parameters.js';
import { type Peer } from './peer.js';
import { Suspicion } from './suspicion.js';

/** Difference between the suspicion multiplier and the number of confirmations expected. */
const UNCONFIRMED = 2;

/** The members that this one suspects. */
export class Suspicions {
  /** No suspicion ends before this. */
  nextDeadline = Infinity;
  readonly #context: MemberContext;
  readonly #suspects: Peer[] = [];

  constructor(context: MemberContext) {
    this.#context = context;
  }

  /** Begins to suspect a member, since `from` does. */
  begin(peer: Peer, from: string, now: number): void {
    const members = this.#context.peers.size;
    const { suspicionMult, suspicionMaxTimeoutMult, probeInterval } = this.#context.parameters;
    const wanted = suspicionMaxTimeoutMult > 1 ? suspicionMult - UNCONFIRMED : 0;
    const expected = members - UNCONFIRMED < wanted ? 0 : wanted;
    const min = suspicionTimeout(suspicionMult, members, probeInterval);
    const suspicion = new Suspicion(from, expected, min, min * suspicionMaxTimeoutMult, now);
    peer.suspicion = suspicion;
    if (!peer.isListed) {
      peer.isListed = true;
      this.#suspects.push(peer);
    }
    this.nextDeadline = Math.min(this.nextDeadline, suspicion.deadline);
  }

  /** Counts a confirmation. Returns false if it tells nothing new. */
  confirm(suspicion: Suspicion, from: string): boolean {
    if (!suspicion.confirm(from)) return false;
    this.nextDeadline = Math.min(this.nextDeadline, suspicion.deadline);
    return true;
  }

  /** Calls `die` for the suspects whose time is over, and forgets those that are not suspected any more. */
  expire(now: number, die: (peer: Peer) => void): void {
    const suspects = this.#suspects;
    let kept = 0;
    let next = Infinity;
    for (const peer of suspects) {
      const { suspicion } = peer;
      const isSuspect = suspicion !== undefined && peer.state === NodeState.Suspect;
      if (isSuspect && now < suspicion.deadline) {
        suspects[kept] = peer;
        kept += 1;
        next = Math.min(next, suspicion.deadline);
        continue;
      }
      peer.isListed = false;
      if (isSuspect) die(peer);
    }
    suspects.length = kept;
    this.nextDeadline = next;
  }
}
