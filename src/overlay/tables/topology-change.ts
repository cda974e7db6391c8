/**
 * Changes of a topology, one at a time: what a config's reload, gossip, a swarm's dispatcher or a store tells tables that
 * packets go by meanwhile (`NodeTables.apply`). A node is known by the address of its VTEP, a network by its VNI, an endpoint
 * by its id; names are for people, and may change.
 */
import type { KeyRing } from '../keys/key-ring.js';
import type { Endpoint, Network, Node } from '../topology.js';

/** What a change does. */
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

/** An endpoint as changes describe it: with no index in any list. */
export interface EndpointRecord extends Omit<Endpoint, 'network' | 'node'> {
  /** VNI of its network. */
  readonly vni: number;
  /** VTEP address of its node: 4 or 16 bytes. */
  readonly vtep: Uint8Array;
}

/**
 * A change. What it refers to must be there when its turn comes, and what it adds must not; a node or a network is removed
 * after its endpoints.
 */
export type TopologyChange =
  | { readonly kind: typeof ChangeKind.AddNode; readonly node: Node }
  /** Its name, MAC or MTU; a node whose VTEP address changes is another one, to be removed and added. */
  | { readonly kind: typeof ChangeKind.ChangeNode; readonly node: Node }
  | { readonly kind: typeof ChangeKind.RemoveNode; readonly vtep: Uint8Array }
  | { readonly kind: typeof ChangeKind.AddNetwork; readonly network: Network }
  /** All but its VNI: a network with another VNI is another one. */
  | { readonly kind: typeof ChangeKind.ChangeNetwork; readonly network: Network }
  | { readonly kind: typeof ChangeKind.RemoveNetwork; readonly vni: number }
  /**
   * Where an endpoint of the network has the MAC or the address already, that one keeps it, and the new one waits until it is
   * gone, as in libnetwork: events of a container that moves come in any order.
   */
  | { readonly kind: typeof ChangeKind.AddEndpoint; readonly endpoint: EndpointRecord }
  /** Whatever of it, but its id. */
  | { readonly kind: typeof ChangeKind.ChangeEndpoint; readonly endpoint: EndpointRecord }
  | { readonly kind: typeof ChangeKind.RemoveEndpoint; readonly id: string }
  /** Whoever holds keys finds out whether these are others (`NodeSas.update`). */
  | { readonly kind: typeof ChangeKind.SetKeys; readonly ring: KeyRing }
  | { readonly kind: typeof ChangeKind.SetAcceptUnknownVteps; readonly accept: boolean };

/** What changes refer to an endpoint by. */
export function endpointId({ id, name }: Pick<Endpoint, 'id' | 'name'>): string {
  return id ?? name;
}

/** An address as a key of maps. */
export function addressKey(address: Uint8Array): string {
  return address.join('.');
}
