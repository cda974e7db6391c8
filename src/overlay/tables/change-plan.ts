/**
 * Validates a list of changes before the first is applied: whatever a change refers to must exist by then, and whatever
 * it adds must not.
 */
import { inQuotes } from '../../text/plain-text.js';
import { formatMac } from '../../wire/index.js';
import { OverlayError } from '../error.js';
import { formatAddress } from '../prefix.js';
import type { NodeTables } from './node-tables.js';
import { addressKey, ChangeKind, endpointId, type EndpointRecord, type TopologyChange } from './topology-change.js';
import type { Network, Node } from '../topology.js';
import { MAX_NODES } from './vtep-index.js';

/** The parts of the tables that a plan reads. */
export type PlannedTables = Pick<
  NodeTables,
  | 'node'
  | 'nodes'
  | 'networks'
  | 'endpoints'
  | 'nodeOf'
  | 'networkOf'
  | 'endpointWithId'
  | 'endpointsOn'
  | 'endpointsIn'
  | 'counts'
  | 'forwarding'
>;

/** A changed endpoint; undefined where it doesn't exist. */
export interface PlannedEndpoint {
  readonly before: EndpointRecord | undefined;
  readonly after: EndpointRecord | undefined;
}

const MAC_BYTES = 6;
const MAX_VNI = 0xffffff;
const MAX_MTU = 0xffff;

/** A valid list of changes. */
export class ChangePlan {
  readonly changes: readonly TopologyChange[];
  readonly #tables: PlannedTables;
  /** Added and changed objects by VTEP, VNI and id; undefined if removed. */
  readonly #nodes = new Map<string, Node | undefined>();
  readonly #networks = new Map<number, Network | undefined>();
  readonly #endpoints = new Map<string, EndpointRecord | undefined>();
  /** Difference in endpoint counts from the tables, per node and network. */
  readonly #onNode = new Map<string, number>();
  readonly #inNetwork = new Map<number, number>();
  #nodeCount: number;
  #endpointCount: number;

  /** @throws OverlayError `BAD_CHANGE`, `BAD_TABLE` */
  constructor(tables: PlannedTables, changes: readonly TopologyChange[]) {
    this.#tables = tables;
    this.changes = changes;
    this.#nodeCount = tables.counts.nodes;
    this.#endpointCount = tables.counts.endpoints;
    for (const change of changes) this.#check(change);
    if (this.#nodeCount > MAX_NODES) refuse(`${this.#nodeCount} nodes exceed the maximum of ${MAX_NODES}`);
    const { limit } = tables.forwarding;
    if (this.#endpointCount <= limit) return;
    throw new OverlayError('BAD_TABLE', `the forwarding table has no room for ${this.#endpointCount} endpoints`);
  }

  /** Networks that the changes add or modify, in their final state. */
  get networks(): Network[] {
    return [...this.#networks.values()].filter((network) => network !== undefined);
  }

  /** Endpoints that the changes add, modify or remove: current and final state. */
  get endpoints(): PlannedEndpoint[] {
    return Array.from(this.#endpoints, ([id, after]) => ({ before: this.#recordOf(id), after }));
  }

  /** The network that has a VNI after the changes. */
  network(vni: number): Network | undefined {
    if (this.#networks.has(vni)) return this.#networks.get(vni);
    return this.#tables.networks[this.#tables.networkOf(vni)];
  }

  #node(vtep: Uint8Array): Node | undefined {
    const key = addressKey(vtep);
    if (this.#nodes.has(key)) return this.#nodes.get(key);
    return this.#tables.nodes[this.#tables.nodeOf(vtep.length === 4 ? 4 : 6, vtep, 0)];
  }

  #endpoint(id: string): EndpointRecord | undefined {
    return this.#endpoints.has(id) ? this.#endpoints.get(id) : this.#recordOf(id);
  }

  #recordOf(id: string): EndpointRecord | undefined {
    const { endpoints, networks, nodes } = this.#tables;
    const endpoint = endpoints[this.#tables.endpointWithId(id)];
    if (endpoint === undefined) return undefined;
    const { vni } = networks[endpoint.network] as Network;
    const { vtep } = nodes[endpoint.node] as Node;
    return { ...endpoint, vni, vtep };
  }

  #check(change: TopologyChange): void {
    switch (change.kind) {
      case ChangeKind.AddNode: {
        checkNode(change.node);
        if (this.#node(change.node.vtep) !== undefined)
          refuse(`there already is a node with VTEP ${vtepText(change.node)}`);
        this.#nodes.set(addressKey(change.node.vtep), change.node);
        this.#nodeCount++;
        return;
      }
      case ChangeKind.ChangeNode: {
        checkNode(change.node);
        this.#requireNode(change.node);
        this.#nodes.set(addressKey(change.node.vtep), change.node);
        return;
      }
      case ChangeKind.RemoveNode: {
        this.#checkRemovedNode(change);
        return;
      }
      case ChangeKind.AddNetwork: {
        const { vni } = change.network;
        if (!Number.isInteger(vni) || vni < 0 || vni > MAX_VNI) refuse(`a VNI is from 0 to ${MAX_VNI}, not ${vni}`);
        if (this.network(vni) !== undefined) refuse(`there already is a network with VNI ${vni}`);
        this.#networks.set(vni, change.network);
        return;
      }
      case ChangeKind.ChangeNetwork: {
        const { vni } = change.network;
        this.#requireNetwork(vni);
        this.#networks.set(vni, change.network);
        return;
      }
      case ChangeKind.RemoveNetwork: {
        const { vni } = change;
        this.#requireNetwork(vni);
        const left = this.#tables.endpointsIn(this.#tables.networkOf(vni)) + (this.#inNetwork.get(vni) ?? 0);
        if (left > 0) refuse(`the network with VNI ${vni} still has ${left} endpoints`);
        this.#networks.set(vni, undefined);
        return;
      }
      case ChangeKind.AddEndpoint: {
        const id = endpointId(change.endpoint);
        if (this.#endpoint(id) !== undefined) refuse(`there already is an endpoint ${inQuotes(id)}`);
        this.#putEndpoint(id, change.endpoint);
        return;
      }
      case ChangeKind.ChangeEndpoint: {
        const id = endpointId(change.endpoint);
        this.#takeEndpoint(id);
        this.#putEndpoint(id, change.endpoint);
        return;
      }
      case ChangeKind.RemoveEndpoint: {
        this.#takeEndpoint(change.id);
        this.#endpoints.set(change.id, undefined);
        return;
      }
      case ChangeKind.SetKeys: {
        const wiped = change.ring.keys.find((key) => key.wiped);
        if (wiped === undefined) return;
        throw new OverlayError('KEY_WIPED', `the key with tag ${wiped.tag} was wiped`);
      }
      case ChangeKind.SetAcceptUnknownVteps:
    }
  }

  #checkRemovedNode({ vtep }: { readonly vtep: Uint8Array }): void {
    this.#requireNode({ vtep });
    const index = this.#tables.nodeOf(vtep.length === 4 ? 4 : 6, vtep, 0);
    if (index === this.#tables.node) refuse(`the node with VTEP ${vtepText({ vtep })} is this node itself`);
    const key = addressKey(vtep);
    const left = this.#tables.endpointsOn(index) + (this.#onNode.get(key) ?? 0);
    if (left > 0) refuse(`the node with VTEP ${vtepText({ vtep })} still has ${left} endpoints`);
    this.#nodes.set(key, undefined);
    this.#nodeCount--;
  }

  #requireNode(node: { readonly vtep: Uint8Array }): void {
    if (this.#node(node.vtep) === undefined) refuse(`there is no node with VTEP ${vtepText(node)}`);
  }

  #requireNetwork(vni: number): void {
    if (this.network(vni) === undefined) refuse(`there is no network with VNI ${vni}`);
  }

  #takeEndpoint(id: string): void {
    const endpoint = this.#endpoint(id);
    if (endpoint === undefined) refuse(`there is no endpoint ${inQuotes(id)}`);
    this.#count(endpoint, -1);
  }

  #putEndpoint(id: string, endpoint: EndpointRecord): void {
    const { vni, ip, mac } = endpoint;
    const name = `endpoint ${inQuotes(id)}`;
    this.#requireNode(endpoint);
    this.#requireNetwork(vni);
    if (mac.length !== MAC_BYTES) refuse(`${name}: a MAC has 6 bytes, not ${mac.length}`);
    if ((mac[0] & 1) !== 0) refuse(`${name}: ${formatMac(mac)} is a group address`);
    if (ip !== undefined && !isAddress(ip)) refuse(`${name}: an IP address has 4 or 16 bytes, not ${ip.length}`);
    this.#endpoints.set(id, endpoint);
    this.#count(endpoint, 1);
  }

  #count({ vni, vtep }: EndpointRecord, change: 1 | -1): void {
    const key = addressKey(vtep);
    this.#onNode.set(key, (this.#onNode.get(key) ?? 0) + change);
    this.#inNetwork.set(vni, (this.#inNetwork.get(vni) ?? 0) + change);
    this.#endpointCount += change;
  }
}

function checkNode({ name, vtep, mac, mtu }: Node): void {
  if (!isAddress(vtep)) refuse(`node ${inQuotes(name)}: a VTEP address has 4 or 16 bytes, not ${vtep.length}`);
  if (mac !== undefined && mac.length !== MAC_BYTES) {
    refuse(`node ${inQuotes(name)}: a MAC has 6 bytes, not ${mac.length}`);
  }
  if (Number.isInteger(mtu) && mtu > 0 && mtu <= MAX_MTU) return;
  refuse(`node ${inQuotes(name)}: an MTU is from 1 to ${MAX_MTU} bytes, not ${mtu}`);
}

function isAddress({ length }: Uint8Array): boolean {
  return length === 4 || length === 16;
}

function vtepText({ vtep }: { readonly vtep: Uint8Array }): string {
  return isAddress(vtep) ? formatAddress(vtep) : `of ${vtep.length} bytes`;
}

function refuse(text: string): never {
  throw new OverlayError('BAD_CHANGE', text);
}
