/** Description of the network: nodes, networks, endpoints and keys, from a config or an import. */
import type { KeyRing } from './keys/key-ring.js';
import type { Membership } from './membership.js';
import type { Prefix } from './prefix.js';
import type { Profile } from './profile.js';
import type { ServiceSet } from './services/service-set.js';

/** How broadcast, multicast and unknown unicast frames are handled. */
export const FloodPolicy = {
  /** Drops them, like Swarm, which installs no all-zero FDB entry. */
  Drop: 'drop',
  /** Sends a copy to every other node: head-end replication. */
  Replicate: 'replicate',
} as const;
export type FloodPolicy = (typeof FloodPolicy)[keyof typeof FloodPolicy];

/** A host with a VTEP. */
export interface Node {
  /** Unique among the nodes. */
  readonly name: string;
  /** Its VTEP address: 4 or 16 bytes. */
  readonly vtep: Uint8Array;
  /** The MAC of its underlay interface, if known. */
  readonly mac: Uint8Array | undefined;
  /** MTU of its underlay interface: maximum IP packet length in bytes. */
  readonly mtu: number;
}

/** An overlay network of containers. */
export interface Network {
  /** Unique among the networks. */
  readonly name: string;
  /** VXLAN network identifier: 24 bits. */
  readonly vni: number;
  /** Subnets that endpoints have addresses in; may be empty. */
  readonly subnets: readonly Prefix[];
  /** Gateway addresses, 4 or 16 bytes each. */
  readonly gateways: readonly Uint8Array[];
  /** Whether ESP protects the network's packets between nodes. */
  readonly encrypted: boolean;
  /** Inner MTU: maximum IP packet length in bytes; undefined to derive it from the nodes' MTU. */
  readonly mtu: number | undefined;
  /** What happens to broadcast, multicast and unknown unicast. */
  readonly flood: FloodPolicy;
  /** Whether the source MACs of received frames are learned in the FDB. */
  readonly learning: boolean;
}

/** What an endpoint is. */
export const EndpointKind = {
  /** A container's interface. */
  Container: 'container',
  /** The load balancer of a network on a node: code on a running node, not an interface. */
  Balancer: 'balancer',
} as const;
export type EndpointKind = (typeof EndpointKind)[keyof typeof EndpointKind];

/** A container's interface, or a load balancer. */
export interface Endpoint {
  /** @default 'container' */
  readonly kind?: EndpointKind;
  /** The container's name; not necessarily unique. */
  readonly name: string;
  /**
   * Distinguishes endpoints of the same name.
   * @default its name
   */
  readonly id?: string;
  /** Index in the topology's `networks`. */
  readonly network: number;
  /** Index in the topology's `nodes`. */
  readonly node: number;
  /** 4 or 16 bytes, if known. */
  readonly ip: Uint8Array | undefined;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** The name of its interface on a running node. */
  readonly device?: string;
  /** The interface's network namespace: an `ip netns` name or a path. */
  readonly netns?: string;
}

/** Whether a network interface can have this name (dev_valid_name in net/core/dev.c, without shell metacharacters). */
export function isInterfaceName(name: string): boolean {
  return /^[\w.-]{1,15}$/.test(name) && name !== '.' && name !== '..';
}

/** What `isInterfaceName` demands, for messages. */
export const INTERFACE_NAME_RULE = 'an interface name has 1 to 15 characters: letters, digits and ._-';

/** The whole network. */
export interface Topology {
  /** How SAs are derived from the keys. */
  readonly profile: Profile;
  /** VXLAN UDP port. */
  readonly port: number;
  /** The hosts. */
  readonly nodes: readonly Node[];
  /** The overlay networks. */
  readonly networks: readonly Network[];
  /** The containers' interfaces. */
  readonly endpoints: readonly Endpoint[];
  /** The keys of encrypted networks; undefined if there are none. */
  readonly ring: KeyRing | undefined;
  /**
   * Whether nodes accept packets from unknown VTEP addresses, as Linux's vxlan device does.
   * @default false
   */
  readonly acceptUnknownVteps?: boolean;
  /** What else a node needs that learns the others from gossip; undefined unless it was asked for. */
  readonly membership?: Membership | undefined;
  /** Its services. Their tasks and load balancers are among the endpoints. */
  readonly services?: ServiceSet | undefined;
}

/**
 * A topology that may change. An object keeps its index as long as it exists, and leaves undefined in the list when it
 * is removed. Every `Topology` is one, too.
 */
export interface IndexedTopology extends Pick<Topology, 'profile' | 'port'> {
  /** By index; undefined where one was removed. */
  readonly nodes: readonly (Node | undefined)[];
  /** By index; undefined where one was removed. */
  readonly networks: readonly (Network | undefined)[];
  /** By index; undefined where one was removed. */
  readonly endpoints: readonly (Endpoint | undefined)[];
}
