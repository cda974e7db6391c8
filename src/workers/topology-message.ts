/** Passes a topology, or changes of one, to another thread. */
import { ChangeKind, type Endpoint, type Network, type Node, type Prefix } from '../overlay/index.js';
import type { EndpointRecord, KeyRing, Topology, TopologyChange } from '../overlay/index.js';
import { type KeyRingMessage, keyRingMessage, keyRingOfMessage } from './key-ring-message.js';

/** A topology that can be copied to another thread. */
export interface TopologyMessage extends KeyRingMessage {
  readonly topology: Omit<Topology, 'ring'>;
}

/** A change that can be copied to another thread. */
export type ChangeMessage =
  | Exclude<TopologyChange, { readonly kind: typeof ChangeKind.SetKeys }>
  | { readonly kind: typeof ChangeKind.SetKeys; readonly ring: KeyRingMessage };

/**
 * Creates the message for one thread.
 * @throws OverlayError `KEY_WIPED`
 */
export function topologyMessage({ ring, ...topology }: Topology): TopologyMessage {
  return { topology: plain(topology), ...keyRingMessage(ring) };
}

/**
 * Takes the topology from a message and wipes the message's keys. The caller owns the topology's keys.
 * @throws OverlayError `KEY_WIPED` for a message that was taken or wiped before
 */
export function topologyOfMessage({ topology, ...keys }: TopologyMessage): Topology {
  return { ...topology, ring: keyRingOfMessage(keys) };
}

/**
 * Creates the message about changes for one thread.
 * @throws OverlayError `KEY_WIPED`
 */
export function changeMessages(changes: readonly TopologyChange[]): ChangeMessage[] {
  return changes.map((change) => {
    switch (change.kind) {
      case ChangeKind.AddNode:
      case ChangeKind.ChangeNode:
        return { ...change, node: plainNode(change.node) };
      case ChangeKind.RemoveNode:
        return { ...change, vtep: copy(change.vtep) };
      case ChangeKind.AddNetwork:
      case ChangeKind.ChangeNetwork:
        return { ...change, network: plainNetwork(change.network) };
      case ChangeKind.AddEndpoint:
      case ChangeKind.ChangeEndpoint:
        return { ...change, endpoint: plainRecord(change.endpoint) };
      case ChangeKind.SetKeys:
        return { ...change, ring: keyRingMessage(change.ring) };
      default:
        return change;
    }
  });
}

/**
 * Takes the changes from a message and wipes its keys. The caller owns the keys of the rings.
 * @throws OverlayError `KEY_WIPED` for a message that was taken or wiped before
 */
export function changesOfMessages(messages: readonly ChangeMessage[]): TopologyChange[] {
  return messages.flatMap((message): TopologyChange[] => {
    if (message.kind !== ChangeKind.SetKeys) return [message];
    const ring: KeyRing | undefined = keyRingOfMessage(message.ring);
    return ring === undefined ? [] : [{ kind: message.kind, ring }];
  });
}

/** Copies each address: transferring a view would copy its whole underlying buffer, whatever else it contains. */
function plain({ nodes, networks, endpoints, ...rest }: Omit<Topology, 'ring'>): Omit<Topology, 'ring'> {
  return {
    ...rest,
    nodes: nodes.map(plainNode),
    networks: networks.map(plainNetwork),
    endpoints: endpoints.map(plainEndpoint),
  };
}

function plainNode({ name, vtep, mac, mtu }: Node): Node {
  return { name, vtep: copy(vtep), mac: mac && copy(mac), mtu };
}

function plainNetwork(network: Network): Network {
  return {
    ...network,
    subnets: network.subnets.map(({ address, length }): Prefix => ({ address: copy(address), length })),
    gateways: network.gateways.map(copy),
  };
}

function plainEndpoint(endpoint: Endpoint): Endpoint {
  return { ...endpoint, ip: endpoint.ip && copy(endpoint.ip), mac: copy(endpoint.mac) };
}

function plainRecord(endpoint: EndpointRecord): EndpointRecord {
  const { ip, mac, vtep } = endpoint;
  return { ...endpoint, ip: ip && copy(ip), mac: copy(mac), vtep: copy(vtep) };
}

function copy(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}
