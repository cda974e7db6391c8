/**
 * Reports members that are alive although UDP packets don't pass between them and this one: TCP or other members answer
 * for them. Without this, a firewall would go unnoticed, since SWIM works around it.
 */
import type { Member, Peer } from '../../gossip/index.js';
import { endpointText } from './address-text.js';
import type { Troubles } from './troubles.js';

/** Successive probes without a direct answer until that is reported: a packet may get lost. */
const PROBES = 3;

/** Watches how members answer probes. */
export class PacketReach {
  readonly #member: Member;
  readonly #troubles: Troubles;
  #probes = 0;
  readonly #reported = new Set<Peer>();

  constructor(member: Member, troubles: Troubles) {
    this.#member = member;
    this.#troubles = troubles;
  }

  /** Looks at the probes since the last time. Call it often. */
  check(): void {
    const { counts } = this.#member;
    for (const peer of this.#reported) {
      const isGone = peer.isGone || this.#member.peer(peer.name) !== peer;
      if (!isGone && peer.streamOnlyProbes + peer.relayedProbes > 0) continue;
      this.#reported.delete(peer);
      const place = endpointText(peer.endpoint);
      this.#troubles.end(`udp ${place}`, isGone ? undefined : `${peer.name} at ${place} answers over UDP again.`);
    }
    const probes = counts.streamOnlyProbes + counts.relayedProbes;
    if (probes === this.#probes) return;
    this.#probes = probes;
    for (const peer of this.#member.peers()) {
      if (peer.streamOnlyProbes + peer.relayedProbes >= PROBES && !peer.isGone) this.#report(peer);
    }
  }

  #report(peer: Peer): void {
    const { name, endpoint } = peer;
    const place = endpointText(endpoint);
    const how =
      peer.streamOnlyProbes > 0
        ? 'answers over TCP but not over UDP'
        : 'is reached over UDP only through other members';
    this.#reported.add(peer);
    this.#troubles.begin(
      `udp ${place}`,
      `${name} at ${place} ${how}: a firewall may drop UDP port ${endpoint.port}, there or here; open it in both directions.`,
    );
  }
}
