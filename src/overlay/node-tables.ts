/** What one node knows of a topology: its forwarding table, its neighbours, who floods where. */
import { KeyIndex } from '../memory/key-index.js';
import { getWord } from '../memory/word.js';
import { inQuotes } from '../plain-text.js';
import { OverlayError } from './error.js';
import { TargetKind } from './forwarding-entry.js';
import { ForwardingTable, type ForwardingTableOptions } from './forwarding-table.js';
import { NeighbourTable } from './neighbour-table.js';
import { FloodPolicy, type Network, type Topology } from './topology.js';

/** Nodes of a topology at the most. */
const MAX_NODES = 1 << 16;

/** A node's tables. Targets of kind `Vtep` are places in `topology.nodes`, of kind `Local` in `topology.endpoints`. */
export class NodeTables {
  readonly topology: Topology;
  /** The node's place in `topology.nodes`. */
  readonly node: number;
  readonly forwarding: ForwardingTable;
  readonly neighbours = new NeighbourTable();
  /** By network: the other nodes that copies of a flooded frame go to. */
  readonly flood: readonly Int32Array[];
  readonly #networkOfVni = new Map<number, number>();
  readonly #nodeOfVtep4 = new KeyIndex(1, MAX_NODES);
  readonly #nodeOfVtep6 = new KeyIndex(4, MAX_NODES);
  readonly #endpointOfMac: KeyIndex;
  readonly #localEndpoints: number[] = [];
  readonly #nodes4: number[] = [];
  readonly #nodes6: number[] = [];
  #lastVni = -1;
  #lastNetwork = -1;

  /**
   * @param name the node's name
   * @throws OverlayError `BAD_CONFIG` if the topology has no such node
   */
  constructor(topology: Topology, name: string, options: ForwardingTableOptions = {}) {
    const node = topology.nodes.findIndex((candidate) => candidate.name === name);
    if (node < 0) {
      const known = topology.nodes.map((candidate) => candidate.name).join(', ');
      throw new OverlayError('BAD_CONFIG', `there is no node ${inQuotes(name)}; there are ${known}`);
    }
    this.topology = topology;
    this.node = node;
    this.forwarding = new ForwardingTable(options);
    topology.nodes.forEach(({ vtep }, place) => {
      const index = vtep.length === 4 ? this.#nodeOfVtep4 : this.#nodeOfVtep6;
      for (let i = 0; i < index.key.length; i++) index.key[i] = getWord(vtep, 4 * i);
      (vtep.length === 4 ? this.#nodes4 : this.#nodes6)[index.add()] = place;
    });
    topology.networks.forEach(({ vni }, place) => this.#networkOfVni.set(vni, place));
    this.#endpointOfMac = new KeyIndex(2, Math.max(1, topology.endpoints.length));
    topology.endpoints.forEach(({ network, node: home, ip, mac }, place) => {
      const { vni } = topology.networks[network];
      const local = home === node;
      const taken = this.forwarding.set(vni, mac, 0, local ? TargetKind.Local : TargetKind.Vtep, local ? place : home);
      if (!taken) throw new OverlayError('BAD_TABLE', `the forwarding table of ${name} is full`);
      if (ip !== undefined) this.neighbours.set(vni, ip, mac);
      if (local) this.#addEndpoint(mac, place);
    });
    const homes = topology.networks.map(() => new Set<number>());
    for (const endpoint of topology.endpoints) homes[endpoint.network].add(endpoint.node);
    this.flood = topology.networks.map((network, place) => this.#floodOf(network, homes[place]));
  }

  /**
   * The place of the node with a VTEP address, or -1.
   * @param family 4 or 6
   * @param bytes what the address stands in, at `offset`
   */
  nodeOf(family: number, bytes: Uint8Array, offset: number): number {
    if (family === 4) return this.nodeOf4(getWord(bytes, offset));
    const index = this.#nodeOfVtep6;
    for (let i = 0; i < index.key.length; i++) index.key[i] = getWord(bytes, offset + 4 * i);
    const id = index.find();
    return id < 0 ? -1 : this.#nodes6[id];
  }

  /** The place of the node with an IPv4 VTEP address, a word in network order; or -1. */
  nodeOf4(address: number): number {
    const id = this.#nodeOfVtep4.find1(address);
    return id < 0 ? -1 : this.#nodes4[id];
  }

  /**
   * The place of this node's endpoint with a MAC, or -1; the first one's where several networks have it.
   * @param bytes what the MAC stands in, at `offset`
   */
  endpointOf(bytes: Uint8Array, offset: number): number {
    const { key } = this.#endpointOfMac;
    key[0] = getWord(bytes, offset);
    key[1] = (bytes[offset + 4] << 8) | bytes[offset + 5];
    const id = this.#endpointOfMac.find();
    return id < 0 ? -1 : this.#localEndpoints[id];
  }

  /** The place of the network with a VNI, or -1. */
  networkOf(vni: number): number {
    // Packets of a network follow each other.
    if (vni !== this.#lastVni) {
      this.#lastVni = vni;
      this.#lastNetwork = this.#networkOfVni.get(vni) ?? -1;
    }
    return this.#lastNetwork;
  }

  #addEndpoint(mac: Uint8Array, place: number): void {
    const { key } = this.#endpointOfMac;
    key[0] = getWord(mac, 0);
    key[1] = (mac[4] << 8) | mac[5];
    const id = this.#endpointOfMac.add();
    if (id === this.#localEndpoints.length) this.#localEndpoints.push(place);
  }

  /** Nodes with endpoints of a network; all of them if it has none, since then nobody knows. */
  #floodOf(network: Network, known: ReadonlySet<number>): Int32Array {
    if (network.flood === FloodPolicy.Drop) return new Int32Array(0);
    const homes = new Set(known.size > 0 ? known : this.topology.nodes.keys());
    homes.delete(this.node);
    return Int32Array.from(homes).sort();
  }
}
