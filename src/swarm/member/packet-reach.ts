/**
 * Reports members that are alive although UDP packets don't pass between them and this one: TCP or other members answer
 * for them. Without this, a firewall would go unnoticed, since SWIM works around it.
 */
import type { Member, Peer } from '../../gossip/index.js';
import { AbsentTroubles } from './absent-troubles.js';
import { endpointText } from './address-text.js';
import type { Troubles } from './troubles.js';

/** Successive probes without a direct answer until that is reported: a packet may get lost. */
const PROBES = 3;

/** How a member is reached although it answers no UDP packet directly. */
export const Detour = {
  Stream: 'answers over TCP but not over UDP',
  Members: 'is reached over UDP only through other members',
} as const;
export type Detour = (typeof Detour)[keyof typeof Detour];

/**
 * By which detour a member answered its latest probes; undefined if the latest answer was direct. That of other members
 * counts while at most two probes in a row were answered by TCP alone: their packets may get lost, too.
 */
export function detourOf({ streamOnlyProbes, relayedProbes }: Peer): Detour | undefined {
  if (relayedProbes > 0 && streamOnlyProbes < PROBES) return Detour.Members;
  return streamOnlyProbes > 0 ? Detour.Stream : undefined;
}

/** Watches how members answer probes. */
export class PacketReach {
  readonly #member: Member;
  readonly #troubles: Troubles;
  #probes = 0;
  /** The detours that were reported first. */
  readonly #reported = new Map<Peer, Detour>();
  readonly #absent: AbsentTroubles;

  constructor(member: Member, troubles: Troubles) {
    this.#member = member;
    this.#troubles = troubles;
    this.#absent = new AbsentTroubles(troubles);
  }

  /** Looks at the probes since the last time. Call it often. */
  check(): void {
    const { counts } = this.#member;
    for (const peer of this.#reported.keys()) {
      if (peer.isGone || this.#member.peer(peer.name) !== peer) this.#leave(peer);
      else if (detourOf(peer) === undefined) this.#end(peer);
    }
    for (const { name } of this.#absent.peers) {
      const peer = this.#member.peer(name);
      // One that was forgotten meanwhile comes back as another, about which nothing is known at first.
      if (peer === undefined || peer.isGone || peer.directProbes === 0 || detourOf(peer) !== undefined) continue;
      this.#absent.end(name, againText(peer));
    }
    const probes = counts.streamOnlyProbes + counts.relayedProbes;
    if (probes === this.#probes) return;
    this.#probes = probes;
    for (const peer of this.#member.peers()) {
      if (peer.isGone) continue;
      if (this.#reported.has(peer) || peer.streamOnlyProbes + peer.relayedProbes >= PROBES) this.#report(peer);
    }
  }

  #report(peer: Peer): void {
    const detour = detourOf(peer);
    if (detour === undefined) return;
    const first = this.#reported.get(peer) ?? detour;
    this.#reported.set(peer, first);
    const { name, endpoint } = peer;
    const place = endpointText(endpoint);
    this.#absent.resume(name, `udp ${place}`);
    const cause = detour === first ? `udp ${place}` : `udp ${place} ${detour}`;
    const where = `a firewall may drop UDP port ${endpoint.port}, there or here; open it in both directions.`;
    this.#troubles.begin(cause, `${name} at ${place} ${detour}: ${where}`);
  }

  /** The member is gone, which says nothing about the firewall. */
  #leave(peer: Peer): void {
    this.#absent.add(peer, this.#forget(peer));
  }

  #end(peer: Peer): void {
    this.#troubles.end(this.#forget(peer), againText(peer));
  }

  /** Forgets a member, and the detours after its first. @returns the cause that was reported first */
  #forget(peer: Peer): string {
    const place = endpointText(peer.endpoint);
    this.#reported.delete(peer);
    for (const detour of Object.values(Detour)) this.#troubles.end(`udp ${place} ${detour}`);
    return `udp ${place}`;
  }
}

function againText({ name, endpoint }: Peer): string {
  return `${name} at ${endpointText(endpoint)} answers over UDP again.`;
}
