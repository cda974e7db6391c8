/** Destinations of flooded frames by network, and endpoint counts. */
import { inserted, without } from './sorted-list.js';
import { type Endpoint, FloodPolicy, type Network } from '../topology.js';

const NONE = new Int32Array(0);

/** Head-end replication: the other nodes with endpoints of a network, or all nodes if no endpoint is known. */
export class FloodLists {
  /** By network: its nodes, in ascending order. */
  readonly lists: Int32Array[] = [];
  readonly #here: number;
  /** All other nodes. */
  #others: Int32Array = NONE;
  readonly #policies: FloodPolicy[] = [];
  /** By network: the number of its endpoints on each node. */
  readonly #nodeCounts: Map<number, number>[] = [];
  readonly #endpointsOn: number[] = [];
  readonly #endpointsIn: number[] = [];

  /** @param here index of this node, which gets no copies */
  constructor(here: number) {
    this.#here = here;
  }

  /** Builds the lists of a whole topology. */
  fill(nodes: number, networks: readonly Network[], endpoints: readonly Endpoint[]): void {
    this.#others = without(
      Int32Array.from({ length: nodes }, (_, node) => node),
      this.#here,
    );
    networks.forEach(({ flood }, network) => {
      this.#policies[network] = flood;
      this.#nodeCounts[network] = new Map();
    });
    for (const { network, node } of endpoints) this.#count(network, node, 1);
    networks.forEach((_, network) => (this.lists[network] = this.#listOf(network)));
  }

  /** Number of endpoints on a node. */
  endpointsOn(node: number): number {
    return this.#endpointsOn[node] ?? 0;
  }

  /** Number of endpoints in a network. */
  endpointsIn(network: number): number {
    return this.#endpointsIn[network] ?? 0;
  }

  addNode(node: number): void {
    this.#others = inserted(this.#others, node);
    this.#floodToOthers();
  }

  /** Removes a node that has no endpoints left. */
  removeNode(node: number): void {
    this.#others = without(this.#others, node);
    this.#floodToOthers();
  }

  /** Sets the policy of a network; a new network has no endpoints. */
  setNetwork(network: number, policy: FloodPolicy): void {
    this.#policies[network] = policy;
    this.#nodeCounts[network] ??= new Map();
    this.lists[network] = this.#listOf(network);
  }

  /** Removes a network that has no endpoints left. */
  removeNetwork(network: number): void {
    this.#policies[network] = FloodPolicy.Drop;
    this.lists[network] = NONE;
  }

  addEndpoint(network: number, node: number): void {
    const count = this.#count(network, node, 1);
    if (count > 1 || this.#policies[network] === FloodPolicy.Drop) return;
    const first = this.#nodeCounts[network].size === 1;
    if (first) this.lists[network] = this.#listOf(network);
    else if (node !== this.#here) this.lists[network] = inserted(this.lists[network], node);
  }

  removeEndpoint(network: number, node: number): void {
    const count = this.#count(network, node, -1);
    if (count > 0 || this.#policies[network] === FloodPolicy.Drop) return;
    const last = this.#nodeCounts[network].size === 0;
    this.lists[network] = last ? this.#listOf(network) : without(this.lists[network], node);
  }

  #count(network: number, node: number, change: 1 | -1): number {
    const counts = this.#nodeCounts[network];
    const count = (counts.get(node) ?? 0) + change;
    if (count === 0) counts.delete(node);
    else counts.set(node, count);
    this.#endpointsOn[node] = this.endpointsOn(node) + change;
    this.#endpointsIn[network] = this.endpointsIn(network) + change;
    return count;
  }

  #floodToOthers(): void {
    for (let network = 0; network < this.#nodeCounts.length; network++) {
      if (this.#policies[network] === FloodPolicy.Drop || this.#nodeCounts[network].size > 0) continue;
      this.lists[network] = this.#others;
    }
  }

  #listOf(network: number): Int32Array {
    if (this.#policies[network] === FloodPolicy.Drop) return NONE;
    const counts = this.#nodeCounts[network];
    if (counts.size === 0) return this.#others;
    return without(Int32Array.from(counts.keys()).sort(), this.#here);
  }
}
