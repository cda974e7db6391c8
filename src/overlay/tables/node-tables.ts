/**
 * One node's view of a topology: forwarding table, neighbours and flood lists. It changes while packets flow (`apply`):
 * whatever a change doesn't affect stays, including learned entries, and keeps its index.
 */
import { ChangePlan } from './change-plan.js';
import { denseTopology } from './dense-topology.js';
import { OverlayError } from '../error.js';
import { EndpointClaims } from './endpoint-claims.js';
import { FloodLists } from './flood-lists.js';
import { ForwardingTable, type ForwardingTableOptions } from './forwarding-table.js';
import type { KeyRing } from '../keys/key-ring.js';
import { NeighbourTable } from './neighbour-table.js';
import { NetworkColumns } from './network-columns.js';
import type { Profile } from '../profile.js';
import { StableList } from './stable-list.js';
import { addressKey, ChangeKind, endpointId, type EndpointRecord, type TopologyChange } from './topology-change.js';
import type { Endpoint, IndexedTopology, Network, Node, Topology } from '../topology.js';
import { VtepIndex } from './vtep-index.js';
import { unknownNode } from '../unknown-node.js';

/**
 * Notified of changes, for state kept by index. Called after each change: the tables' lists then hold the index's
 * current object, if any.
 */
export interface TablesWatcher {
  /**
   * Called when a node was added, changed or removed.
   * @param another whether the index was assigned or freed, so that state kept for it no longer applies
   */
  node?(index: number, another: boolean): void;
  /** Same for a network. */
  network?(index: number, another: boolean): void;
  /** Same for an endpoint. */
  endpoint?(index: number, another: boolean): void;
}

/** Tables without `apply`: on a running node, changes must go through `LiveNode.apply`, which validates them. */
export type ReadonlyNodeTables = Omit<NodeTables, 'apply'>;

/**
 * A node's tables. Targets of kind `Vtep` are indices of `nodes`, those of kind `Local` of `endpoints`.
 * @example
 * import { readFileSync } from 'node:fs';
 * import { ChangeKind, NodeTables } from 'vtep/overlay';
 * import { parseConfig } from 'vtep/overlay/files';
 *
 * const tables = new NodeTables(parseConfig(readFileSync('overlay.yaml', 'utf8')), 'node1');
 * tables.apply([{ kind: ChangeKind.RemoveEndpoint, id: 'c2' }]); // the chains that use them follow
 */
export class NodeTables implements IndexedTopology {
  /** How SAs are derived from the keys. */
  readonly profile: Profile;
  /** VXLAN UDP port. */
  readonly port: number;
  /** The node's index in `nodes`. */
  readonly node: number;
  /** The FDB: MAC addresses by network. */
  readonly forwarding: ForwardingTable;
  /** The MAC addresses of IP addresses, to answer ARP and ND. */
  readonly neighbours = new NeighbourTable();
  /** By network: fields that stages read for each packet. */
  readonly columns = new NetworkColumns();
  readonly #nodes = new StableList<Node>();
  readonly #networks = new StableList<Network>();
  readonly #endpoints = new StableList<Endpoint>();
  readonly #flood: FloodLists;
  readonly #watchers: TablesWatcher[] = [];
  readonly #networkOfVni = new Map<number, number>();
  readonly #vteps = new VtepIndex();
  readonly #claims: EndpointClaims;
  /** Created on first use: a replay has tables of many nodes that never change. */
  #endpointOfId: Map<string, number> | undefined;
  #topology: Topology | undefined;
  #ring: KeyRing | undefined;
  #acceptUnknownVteps: boolean;
  #lastVni = -1;
  #lastNetwork = -1;

  /**
   * @param topology its indices are those of these tables until something is removed
   * @param name the node's name
   * @throws OverlayError `BAD_CONFIG` if the topology has no such node, `BAD_TABLE` if it has too many endpoints
   */
  constructor(topology: Topology, name: string, options: ForwardingTableOptions = {}) {
    const { nodes, networks, endpoints } = topology;
    const node = nodes.findIndex((candidate) => candidate.name === name);
    if (node < 0) throw new OverlayError('BAD_CONFIG', unknownNode(name, nodes));
    this.#topology = topology;
    this.#ring = topology.ring;
    this.profile = topology.profile;
    this.port = topology.port;
    this.#acceptUnknownVteps = topology.acceptUnknownVteps ?? false;
    this.node = node;
    this.forwarding = new ForwardingTable(options);
    this.#flood = new FloodLists(node);
    this.#claims = new EndpointClaims(this, this.#endpoints.items);
    for (const each of nodes) this.#vteps.add(each.vtep, this.#nodes.add(each));
    for (const each of networks) this.#indexNetwork(each, this.#networks.add(each));
    for (const each of endpoints) {
      const index = this.#endpoints.add(each);
      if (this.#claims.claim(index, each, this.columns.vni[each.network])) continue;
      throw new OverlayError('BAD_TABLE', `the forwarding table of ${name} is full`);
    }
    this.#flood.fill(nodes.length, networks, endpoints);
    this.columns.fillLocal(endpoints, node);
  }

  /** Whether packets may come from unknown VTEP addresses. */
  get acceptUnknownVteps(): boolean {
    return this.#acceptUnknownVteps;
  }

  /** This node, which is never removed. */
  get here(): Node {
    return this.#nodes.items[this.node] as Node;
  }

  /** By index; undefined where a node was removed. */
  get nodes(): readonly (Node | undefined)[] {
    return this.#nodes.items;
  }

  /** By index; undefined where a network was removed. */
  get networks(): readonly (Network | undefined)[] {
    return this.#networks.items;
  }

  /** By index; undefined where an endpoint was removed. */
  get endpoints(): readonly (Endpoint | undefined)[] {
    return this.#endpoints.items;
  }

  /** By network: the other nodes that receive copies of a flooded frame. */
  get flood(): readonly Int32Array[] {
    return this.#flood.lists;
  }

  /**
   * The current topology, for reports and comparisons. Its lists have no holes, so after a removal their indices differ
   * from those here. The key ring is the one passed in; its owner may have wiped it.
   */
  get topology(): Topology {
    this.#topology ??= denseTopology(this, this.#ring, this.acceptUnknownVteps);
    return this.#topology;
  }

  /** Number of nodes and endpoints. */
  get counts(): { readonly nodes: number; readonly endpoints: number } {
    return { nodes: this.#nodes.size, endpoints: this.#endpoints.size };
  }

  /**
   * The index of the node with a VTEP address, or -1.
   * @param family 4 or 6
   * @param bytes holds the address, at `offset`
   */
  nodeOf(family: number, bytes: Uint8Array, offset: number): number {
    return this.#vteps.find(family, bytes, offset);
  }

  /**
   * The index of the node with an IPv4 VTEP address, or -1.
   * @param address a 32-bit word, signed or not: 0xc0a83201 for 192.168.50.1
   */
  nodeOf4(address: number): number {
    return this.#vteps.find4(address);
  }

  /**
   * The index of this node's endpoint with a MAC, or -1; the first one if several networks have it.
   * @param bytes holds the MAC, at `offset`
   */
  endpointOf(bytes: Uint8Array, offset: number): number {
    return this.#claims.localOf(bytes, offset);
  }

  /** The index of the network with a VNI, or -1. */
  networkOf(vni: number): number {
    // Consecutive packets tend to belong to the same network.
    if (vni !== this.#lastVni) {
      this.#lastVni = vni;
      this.#lastNetwork = this.#networkOfVni.get(vni) ?? -1;
    }
    return this.#lastNetwork;
  }

  /** The index of the endpoint with an id, or -1. */
  endpointWithId(id: string): number {
    return this.#ids.get(id) ?? -1;
  }

  /** Number of endpoints on a node. */
  endpointsOn(node: number): number {
    return this.#flood.endpointsOn(node);
  }

  /** Number of endpoints in a network, on all nodes. */
  endpointsIn(network: number): number {
    return this.#flood.endpointsIn(network);
  }

  /** Registers a watcher for all further changes. */
  watch(watcher: TablesWatcher): void {
    this.#watchers.push(watcher);
  }

  /**
   * Applies changes in order: all of them, or none if one is invalid. Freed indices are reused by later additions. Call
   * it between batches, when no packet in flight holds an index.
   * @param check receives the plan; throws to reject all of it
   * @throws OverlayError `BAD_CHANGE` for an invalid change, `BAD_TABLE` if there are too many endpoints
   */
  apply(changes: readonly TopologyChange[], check?: (plan: ChangePlan) => void): void {
    const plan = new ChangePlan(this, changes);
    check?.(plan);
    if (changes.length > 0) this.#topology = undefined;
    for (const change of changes) this.#applyChange(change);
  }

  get #ids(): Map<string, number> {
    if (this.#endpointOfId === undefined) {
      this.#endpointOfId = new Map();
      for (const [index, endpoint] of this.endpoints.entries()) {
        if (endpoint !== undefined) this.#register(this.#endpointOfId, index, endpoint);
      }
    }
    return this.#endpointOfId;
  }

  /** Registers an endpoint by id. If an import has duplicate names, the later endpoints get generated ids. */
  #register(ids: Map<string, number>, index: number, endpoint: Endpoint): void {
    const own = endpointId(endpoint);
    let id = own;
    for (let n = 2; ids.has(id); n++) id = `${own}#${n}`;
    if (id !== own) {
      this.#endpoints.set(index, { ...endpoint, id });
      this.#topology = undefined;
    }
    ids.set(id, index);
  }

  #applyChange(change: TopologyChange): void {
    switch (change.kind) {
      case ChangeKind.AddNode: {
        this.#addNode(copyOfNode(change.node));
        return;
      }
      case ChangeKind.ChangeNode: {
        const index = this.#nodeWith(change.node.vtep);
        this.#nodes.set(index, copyOfNode(change.node));
        this.#report('node', index, false);
        return;
      }
      case ChangeKind.RemoveNode: {
        this.#removeNode(this.#nodeWith(change.vtep));
        return;
      }
      case ChangeKind.AddNetwork: {
        const index = this.#networks.add(change.network);
        this.#indexNetwork(change.network, index);
        this.#flood.setNetwork(index, change.network.flood);
        this.#report('network', index, true);
        return;
      }
      case ChangeKind.ChangeNetwork: {
        this.#changeNetwork(this.networkOf(change.network.vni), change.network);
        return;
      }
      case ChangeKind.RemoveNetwork: {
        this.#removeNetwork(this.networkOf(change.vni));
        return;
      }
      case ChangeKind.AddEndpoint: {
        const endpoint = this.#endpointOf(change.endpoint);
        const index = this.#endpoints.add(endpoint);
        this.#ids.set(endpointId(endpoint), index);
        this.#link(index, endpoint);
        this.#report('endpoint', index, true);
        return;
      }
      case ChangeKind.ChangeEndpoint: {
        this.#changeEndpoint(this.endpointWithId(endpointId(change.endpoint)), change.endpoint);
        return;
      }
      case ChangeKind.RemoveEndpoint: {
        const index = this.endpointWithId(change.id);
        this.#unlink(index);
        this.#ids.delete(change.id);
        this.#endpoints.remove(index);
        this.#report('endpoint', index, true);
        return;
      }
      case ChangeKind.SetKeys:
        this.#ring = change.ring;
        return;
      case ChangeKind.SetAcceptUnknownVteps:
        this.#acceptUnknownVteps = change.accept;
    }
  }

  #report(what: keyof TablesWatcher, index: number, another: boolean): void {
    for (const watcher of this.#watchers) watcher[what]?.(index, another);
  }

  #nodeWith(vtep: Uint8Array): number {
    return this.nodeOf(vtep.length === 4 ? 4 : 6, vtep, 0);
  }

  #addNode(node: Node): void {
    const index = this.#nodes.add(node);
    this.#vteps.add(node.vtep, index);
    this.#flood.addNode(index);
    this.#report('node', index, true);
  }

  #removeNode(index: number): void {
    this.#vteps.delete((this.#nodes.items[index] as Node).vtep);
    this.forwarding.forgetVtep(index);
    this.#flood.removeNode(index);
    this.#nodes.remove(index);
    this.#report('node', index, true);
  }

  #changeNetwork(index: number, network: Network): void {
    const before = this.#networks.items[index] as Network;
    // Entries learned in cleartext may be forged, and a network without learning doesn't use any.
    if (before.encrypted !== network.encrypted || !network.learning) this.forwarding.forgetLearned(network.vni);
    this.#networks.set(index, network);
    this.columns.set(index, network);
    if (before.flood !== network.flood) this.#flood.setNetwork(index, network.flood);
    this.#report('network', index, false);
  }

  #removeNetwork(index: number): void {
    const { vni } = this.#networks.items[index] as Network;
    this.forwarding.forgetLearned(vni);
    this.#networkOfVni.delete(vni);
    this.#forgetLastNetwork();
    this.columns.clear(index);
    this.#flood.removeNetwork(index);
    this.#networks.remove(index);
    this.#report('network', index, true);
  }

  #changeEndpoint(index: number, record: EndpointRecord): void {
    const before = this.#endpoints.items[index] as Endpoint;
    const endpoint = this.#endpointOf(record);
    const same =
      before.network === endpoint.network &&
      before.node === endpoint.node &&
      before.kind === endpoint.kind &&
      addressKey(before.mac) === addressKey(endpoint.mac) &&
      before.ip?.join() === endpoint.ip?.join();
    if (!same) this.#unlink(index);
    this.#endpoints.set(index, endpoint);
    if (!same) this.#link(index, endpoint);
    this.#report('endpoint', index, false);
  }

  #endpointOf({ vni, vtep, ip, mac, ...rest }: EndpointRecord): Endpoint {
    const indexes = { network: this.networkOf(vni), node: this.#nodeWith(vtep) };
    return { ...rest, ...indexes, ip: copyOf(ip), mac: copyOf(mac) };
  }

  #link(index: number, endpoint: Endpoint): void {
    this.#claims.claim(index, endpoint, this.columns.vni[endpoint.network]);
    this.#flood.addEndpoint(endpoint.network, endpoint.node);
    if (endpoint.node === this.node) this.columns.addLocal(endpoint, index);
  }

  #unlink(index: number): void {
    const endpoint = this.#endpoints.items[index] as Endpoint;
    const { network, node } = endpoint;
    this.#claims.release(index, endpoint, this.columns.vni[network]);
    this.#flood.removeEndpoint(network, node);
    if (node === this.node) this.columns.removeLocal(endpoint, index);
  }

  #indexNetwork(network: Network, index: number): void {
    this.#networkOfVni.set(network.vni, index);
    this.#forgetLastNetwork();
    this.columns.set(index, network);
  }

  #forgetLastNetwork(): void {
    this.#lastVni = -1;
    this.#lastNetwork = -1;
  }
}

function copyOfNode(node: Node): Node {
  return { ...node, vtep: copyOf(node.vtep), mac: copyOf(node.mac) };
}

/** A copy, also of a Buffer, whose slices are views. */
function copyOf<T extends Uint8Array | undefined>(bytes: T): T extends undefined ? undefined : Uint8Array;
function copyOf(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes === undefined ? undefined : new Uint8Array(bytes);
}
