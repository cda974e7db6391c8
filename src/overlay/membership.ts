/** What a node that learns the others from gossip needs to know beside the topology. */

/** A network, as gossip and services know it. */
export interface NetworkMembership {
  /** Its id in gossip: Docker's, or any other that all nodes use. */
  readonly id: string;
  /** Whether it carries the connections to published ports. */
  readonly ingress: boolean;
  /** Whether it has no route out. */
  readonly internal: boolean;
  /** Whether tasks answer clients directly (`--opt dsr`). */
  readonly dsr: boolean;
  /** The address of this node's load balancer: 4 bytes; undefined if there is none. */
  readonly balancer: Uint8Array | undefined;
}

/** What the config says for a node's membership. */
export interface Membership {
  /** The address that the node advertises in gossip: 4 or 16 bytes. */
  readonly advertise: Uint8Array;
  /** By index in the topology's networks. */
  readonly networks: readonly NetworkMembership[];
  /** Further names of the node's endpoints, by name. */
  readonly aliases: Readonly<Record<string, readonly string[]>>;
}
