/** What stages ask of a packet's network, in arrays by its index. */
import { inserted, without } from './sorted-list.js';
import type { Endpoint, Network } from '../topology.js';

const FIRST_CAPACITY = 16;
const NONE = new Int32Array(0);

/** Columns by network. The arrays are others after a change: don't keep them from one batch to the next. */
export class NetworkColumns {
  vni = new Int32Array(FIRST_CAPACITY);
  /** 1 if its packets go in ESP alone; also where there is no network, as nothing of a removed one may go out in clear. */
  encrypted = new Uint8Array(FIRST_CAPACITY).fill(1);
  /** 1 if source MACs off the wire make forwarding entries, and nodes don't answer for others. */
  learning = new Uint8Array(FIRST_CAPACITY);
  /** The indexes of this node's endpoints, in ascending order. */
  readonly local: Int32Array[] = [];

  /** Sets the columns of a network. */
  set(network: number, { vni, encrypted, learning }: Network): void {
    if (network >= this.vni.length) this.#grow();
    this.vni[network] = vni;
    this.encrypted[network] = encrypted ? 1 : 0;
    this.learning[network] = learning ? 1 : 0;
    this.local[network] ??= NONE;
  }

  /** Clears the columns of a network that is gone. */
  clear(network: number): void {
    this.encrypted[network] = 1;
    this.learning[network] = 0;
    this.local[network] = NONE;
  }

  /** Fills the lists of endpoints, all at once. */
  fillLocal(endpoints: readonly Endpoint[], node: number): void {
    const lists = this.local.map((): number[] => []);
    endpoints.forEach((endpoint, index) => {
      if (endpoint.node === node) lists[endpoint.network].push(index);
    });
    lists.forEach((list, network) => (this.local[network] = Int32Array.from(list)));
  }

  /** Adds an endpoint of this node to a network's list. */
  addLocal(network: number, endpoint: number): void {
    this.local[network] = inserted(this.local[network], endpoint);
  }

  /** Takes an endpoint out of a network's list. */
  removeLocal(network: number, endpoint: number): void {
    this.local[network] = without(this.local[network], endpoint);
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
  }
}
