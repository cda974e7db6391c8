/** What a node in a swarm is doing. */
import type { LearnedCounts } from '../gossip/index.js';
import type { GossipReport } from './member/swarm-gossip.js';
import type { SilentPeer } from './silent-peers.js';

/** An endpoint of this node, as it is announced. */
export interface OwnEndpointReport {
  readonly networkId: string;
  /** Name of the network. */
  readonly network: string;
  /** Its key in gossip. */
  readonly id: string;
  readonly name: string;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Whether it has been announced in gossip, as it is once its interface is there. */
  readonly announced: boolean;
}

/** What a node in a swarm is doing. */
export interface SwarmReport {
  readonly gossip: GossipReport;
  /** This node's endpoints. */
  readonly endpoints: readonly OwnEndpointReport[];
  /** What has been learned. */
  readonly learned: LearnedCounts;
  /** Changes from gossip that are yet to be applied. */
  readonly waiting: number;
  /** How often a change from gossip couldn't be applied, and all tables were compared with it. */
  readonly resynchronised: number;
  /** Nodes whose gossip arrives, but no overlay packets. */
  readonly silent: readonly SilentPeer[];
}
