/** The network's description: nodes, networks, endpoints and keys, from a config or an import. */
import type { KeyRing } from './keys/key-ring.js';
import type { Prefix } from './prefix.js';
import type { Profile } from './profile.js';

/** What happens to broadcast, multicast and unknown unicast frames. */
export const FloodPolicy = {
  /** They are dropped, as in Swarm, which installs no all-zero FDB entry. */
  Drop: 'drop',
  /** A copy is sent to every other node: head-end replication. */
  Replicate: 'replicate',
} as const;
export type FloodPolicy = (typeof FloodPolicy)[keyof typeof FloodPolicy];

/** A host with a VTEP. */
export interface Node {
  readonly name: string;
  /** Address of its VTEP: 4 or 16 bytes. */
  readonly vtep: Uint8Array;
  /** The MAC of its underlay interface, if known. */
  readonly mac: Uint8Array | undefined;
  /** MTU of its underlay interface: maximum IP packet length in bytes. */
  readonly mtu: number;
}

/** An overlay network of containers. */
export interface Network {
  readonly name: string;
  readonly vni: number;
  readonly subnets: readonly Prefix[];
  readonly gateways: readonly Uint8Array[];
  readonly encrypted: boolean;
  /** Inner MTU: maximum IP packet length in bytes; undefined: whatever fits the nodes' MTU. */
  readonly mtu: number | undefined;
  readonly flood: FloodPolicy;
  /** Whether the source MACs of received frames are learned in the FDB. */
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
  /** Its interface on a running node: the name, and the network namespace (a name of `ip netns`, or a path). */
  readonly device?: string;
  readonly netns?: string;
}

/** The whole network. */
export interface Topology {
  readonly profile: Profile;
  /** UDP port of VXLAN. */
  readonly port: number;
  readonly nodes: readonly Node[];
  readonly networks: readonly Network[];
  readonly endpoints: readonly Endpoint[];
  readonly ring: KeyRing | undefined;
  /**
   * Whether nodes accept packets from addresses that are not a node's VTEP, as Linux's vxlan device does.
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
