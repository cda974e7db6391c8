/**
 * A node of a swarm: a VTEP whose peers, endpoints and services come from gossip.
 * @module vtep/swarm
 */
export type {
  GossipCounters,
  GossipKeyReport,
  GossipMember,
  GossipNetworkReport,
  GossipReport,
  SwarmGossip,
  SwarmGossipListener,
  SwarmGossipOptions,
} from './member/swarm-gossip.js';
export type { JoinedNetwork, OwnEndpoint, SwarmVtepOptions } from './swarm-options.js';
