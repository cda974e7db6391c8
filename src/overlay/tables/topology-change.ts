/**
 * Single changes of a topology, as from a config reload, gossip, a swarm dispatcher or a store, applied to tables in
 * use (`NodeTables.apply`). Nodes are identified by VTEP address, networks by VNI, endpoints by id; names are for
 * people and may change.
 */
import type { KeyRing } from '../keys/key-ring.js';
import type { Endpoint, Network, Node } from '../topology.js';

/** Kinds of change. */
export const ChangeKind = {
  AddNode: 'add-node',
  ChangeNode: 'change-node',
  RemoveNode: 'remove-node',
  AddNetwork: 'add-network',
  ChangeNetwork: 'change-network',
  RemoveNetwork: 'remove-network',
  AddEndpoint: 'add-endpoint',
  ChangeEndpoint: 'change-endpoint',
  RemoveEndpoint: 'remove-endpoint',
  SetKeys: 'set-keys',
  SetAcceptUnknownVteps: 'set-accept-unknown-vteps',
} as const;
export type ChangeKind = (typeof ChangeKind)[keyof typeof ChangeKind];

/** An endpoint as changes describe it, without list indices. */
export interface EndpointRecord extends Omit<Endpoint, 'network' | 'node'> {
  /** Its network's VNI. */
  readonly vni: number;
  /** Its node's VTEP address: 4 or 16 bytes. */
  readonly vtep: Uint8Array;
}

/**
 * A change. Whatever it refers to must exist when it is applied, and whatever it adds must not; a node or network is
 * removed after its endpoints.
 */
export type TopologyChange =
  | { readonly kind: typeof ChangeKind.AddNode; readonly node: Node }
  /** Its name, MAC or MTU. To change the VTEP address, remove the node and add another. */
  | { readonly kind: typeof ChangeKind.ChangeNode; readonly node: Node }
  | { readonly kind: typeof ChangeKind.RemoveNode; readonly vtep: Uint8Array }
  | { readonly kind: typeof ChangeKind.AddNetwork; readonly network: Network }
  /** Anything but the VNI, which identifies the network. */
  | { readonly kind: typeof ChangeKind.ChangeNetwork; readonly network: Network }
  | { readonly kind: typeof ChangeKind.RemoveNetwork; readonly vni: number }
  /**
   * If another endpoint of the network already has the MAC or IP address, that one keeps it and the new one waits until
   * it is removed, as in libnetwork: events of a container that moves arrive in any order.
   */
  | { readonly kind: typeof ChangeKind.AddEndpoint; readonly endpoint: EndpointRecord }
  /** Anything but its id. */
  | { readonly kind: typeof ChangeKind.ChangeEndpoint; readonly endpoint: EndpointRecord }
  | { readonly kind: typeof ChangeKind.RemoveEndpoint; readonly id: string }
  /** The ring may equal the current one: its users detect that (`NodeSas.update`). */
  | { readonly kind: typeof ChangeKind.SetKeys; readonly ring: KeyRing }
  | { readonly kind: typeof ChangeKind.SetAcceptUnknownVteps; readonly accept: boolean };

/** The id that changes refer to an endpoint by. */
export function endpointId({ id, name }: Pick<Endpoint, 'id' | 'name'>): string {
  return id ?? name;
}

/** An address as a map key. */
export function addressKey(address: Uint8Array): string {
  return address.join('.');
}
