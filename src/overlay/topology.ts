/** What the network is: nodes, networks, endpoints and the keys, as a config or an import says. */
import type { KeyRing } from './key-ring.js';
import type { Prefix } from './prefix.js';
import type { Profile } from './profile.js';

/** What happens to frames for unknown MACs, broadcast and multicast. */
export const FloodPolicy = {
  /** They go no further: Swarm, which installs no all-zero FDB entry. */
  Drop: 'drop',
  /** A copy goes to every other node: head-end replication. */
  Replicate: 'replicate',
} as const;
export type FloodPolicy = (typeof FloodPolicy)[keyof typeof FloodPolicy];

/** A host with a VTEP. */
export interface Node {
  readonly name: string;
  /** Its VTEP's address: 4 or 16 bytes. */
  readonly vtep: Uint8Array;
  /** The MAC of its underlay interface, where known. */
  readonly mac: Uint8Array | undefined;
  /** MTU of its underlay interface, in bytes of an IP packet. */
  readonly mtu: number;
}

/** A network of containers. */
export interface Network {
  readonly name: string;
  readonly vni: number;
  readonly subnets: readonly Prefix[];
  readonly gateways: readonly Uint8Array[];
  readonly encrypted: boolean;
  /** MTU inside, in bytes of an IP packet; what fits the nodes' MTU if undefined. */
  readonly mtu: number | undefined;
  readonly flood: FloodPolicy;
  /** Whether source MACs of frames off the wire make FDB entries. */
  readonly learning: boolean;
}

/** A container's interface. */
export interface Endpoint {
  readonly name: string;
  /**
   * What tells it from endpoints of the same name.
   * @default its name
   */
  readonly id?: string;
  /** Places in the topology's lists. */
  readonly network: number;
  readonly node: number;
  readonly ip: Uint8Array | undefined;
  readonly mac: Uint8Array;
  /** Its interface, for a node that runs: the name, and the network namespace (a name of `ip netns`, or a path). */
  readonly device?: string;
  readonly netns?: string;
}

/** All of it. */
export interface Topology {
  readonly profile: Profile;
  /** UDP port of VXLAN. */
  readonly port: number;
  readonly nodes: readonly Node[];
  readonly networks: readonly Network[];
  readonly endpoints: readonly Endpoint[];
  readonly ring: KeyRing | undefined;
  /**
   * Whether nodes take packets from addresses that are no node's VTEP, as Linux's vxlan device does.
   * @default false
   */
  readonly acceptUnknownVteps?: boolean;
}

/**
 * A topology that changes: an index is the same thing's as long as that is there, and the list has undefined where something
 * was removed. Any topology is one that hasn't changed yet.
 */
export interface IndexedTopology extends Pick<Topology, 'profile' | 'port'> {
  readonly nodes: readonly (Node | undefined)[];
  readonly networks: readonly (Network | undefined)[];
  readonly endpoints: readonly (Endpoint | undefined)[];
}
