/** Per-network fields that the stages read, in arrays by network index. */
import { inserted, without } from './sorted-list.js';
import { type Endpoint, EndpointKind, type Network } from '../topology.js';

const FIRST_CAPACITY = 16;
const NONE = new Int32Array(0);

/** Columns by network. A change may replace the arrays: don't keep them across batches. */
export class NetworkColumns {
  vni = new Int32Array(FIRST_CAPACITY);
  /**
   * 1 if its packets require ESP; also for unused indices, so that nothing of a removed network is sent in cleartext.
   */
  encrypted = new Uint8Array(FIRST_CAPACITY).fill(1);
  /** 1 if source MACs are learned from the wire, and nodes don't answer neighbour requests for others. */
  learning = new Uint8Array(FIRST_CAPACITY);
  /** By network: the indices of this node's endpoints, in ascending order. */
  readonly local: Int32Array[] = [];
  /** The index of this node's load balancer, the one added last; -1 if there is none. */
  balancer = new Int32Array(FIRST_CAPACITY).fill(-1);

  /** Sets the columns of a network. */
  set(network: number, { vni, encrypted, learning }: Network): void {
    if (network >= this.vni.length) this.#grow();
    this.vni[network] = vni;
    this.encrypted[network] = encrypted ? 1 : 0;
    this.learning[network] = learning ? 1 : 0;
    this.local[network] ??= NONE;
  }

  /** Clears the columns of a removed network. */
  clear(network: number): void {
    this.encrypted[network] = 1;
    this.learning[network] = 0;
    this.local[network] = NONE;
    this.balancer[network] = -1;
  }

  /** Fills all endpoint lists at once. */
  fillLocal(endpoints: readonly Endpoint[], node: number): void {
    const lists = this.local.map((): number[] => []);
    endpoints.forEach((endpoint, index) => {
      if (endpoint.node !== node) return;
      lists[endpoint.network].push(index);
      if (endpoint.kind === EndpointKind.Balancer) this.balancer[endpoint.network] = index;
    });
    lists.forEach((list, network) => (this.local[network] = Int32Array.from(list)));
  }

  /** Adds an endpoint of this node to its network's list. */
  addLocal({ network, kind }: Endpoint, index: number): void {
    this.local[network] = inserted(this.local[network], index);
    if (kind === EndpointKind.Balancer) this.balancer[network] = index;
  }

  /** Removes an endpoint from its network's list. */
  removeLocal({ network }: Endpoint, index: number): void {
    this.local[network] = without(this.local[network], index);
    if (this.balancer[network] === index) this.balancer[network] = -1;
  }

  #grow(): void {
    const capacity = 2 * this.vni.length;
    const vni = new Int32Array(capacity);
    vni.set(this.vni);
    const encrypted = new Uint8Array(capacity).fill(1);
    encrypted.set(this.encrypted);
    const learning = new Uint8Array(capacity);
    learning.set(this.learning);
    this.vni = vni;
    this.encrypted = encrypted;
    this.learning = learning;
    const balancer = new Int32Array(capacity).fill(-1);
    balancer.set(this.balancer);
    this.balancer = balancer;
  }
}
