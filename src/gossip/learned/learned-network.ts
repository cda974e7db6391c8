/** A network that a node is on, and what gossip says about it as changes of the node's tables. */
import type { Network, TakenChanges, TakenState } from '../../overlay/index.js';

/** A network of the node's topology, and its id in gossip. Managers tell it; gossip has no names or VNIs. */
export interface LearnedNetwork {
  /** Its id in gossip: Docker's. */
  readonly id: string;
  /**
   * Its networks in the topology, one for each subnet: Swarm gives each subnet a VNI. The first one has its name, under
   * which services know it.
   */
  readonly networks: readonly Network[];
  /** Whether it carries the connections to published ports. */
  readonly ingress: boolean;
  /** Whether it has no route out. */
  readonly internal: boolean;
  /** Whether tasks answer clients directly (`--opt dsr`). */
  readonly dsr: boolean;
  /** The address that the manager gave to this node's load balancer: 4 bytes; undefined if there is none. */
  readonly balancer: Uint8Array | undefined;
}

/** Changes of a node's tables and services, in the order in which they must be applied. */
export type LearnedChanges = TakenChanges;

/** What a node's tables and services hold once all changes have been applied; this node itself isn't among the nodes. */
export type LearnedState = TakenState;
