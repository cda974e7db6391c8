import { NodeState, type SwarmMember } from '../../gossip/index.js';
import type { RunningCounters } from './gossip-counters.js';
import type { MemberKeys } from './member-keys.js';
import { Detour, detourOf } from './packet-reach.js';
import type { StreamReach } from './stream-reach.js';
import type { GossipMember, GossipReport } from './swarm-gossip.js';

const MILLISECONDS = 1000;

const STATES: Readonly<Record<NodeState, GossipMember['state']>> = {
  [NodeState.Alive]: 'alive',
  [NodeState.Suspect]: 'suspect',
  [NodeState.Dead]: 'dead',
  [NodeState.Left]: 'left',
};

/** A running member's state. */
export function reportOf(
  { member, networkDb }: SwarmMember,
  streams: StreamReach,
  keys: MemberKeys,
  counters: RunningCounters,
  now: number,
): GossipReport {
  const { name, endpoint } = member.self;
  return {
    name,
    endpoint,
    health: member.healthScore,
    members: member.peers().map((peer) => ({
      name: peer.name,
      endpoint: peer.endpoint,
      state: STATES[peer.state],
      seconds: (now - peer.stateChange) / MILLISECONDS,
      tcpOnly: detourOf(peer) === Detour.Stream,
      udpOnly: streams.isBlocked(peer.name),
      relayed: detourOf(peer) === Detour.Members,
    })),
    networks: networkDb.ownNetworks().map((id) => ({
      id,
      nodes: networkDb.nodesOf(id),
      entries: networkDb.entryCount(id),
    })),
    keys: keys.report(now),
    counters: counters.report(),
  };
}
