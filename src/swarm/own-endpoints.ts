/** This node's endpoints and load balancers, and their entries in gossip. */
import { announcedBalancer, announcedEndpoint, type AnnouncedEntry, type LocalEndpoint } from '../gossip/index.js';
import type { SwarmGossip } from './member/swarm-gossip.js';
import type { JoinedNetwork } from './swarm-options.js';

/** An endpoint, and whether the others know it. */
interface OwnEndpointState {
  readonly endpoint: LocalEndpoint;
  announced: readonly AnnouncedEntry[];
}

/** A network that this node is on. */
export interface OwnNetwork {
  network: JoinedNetwork;
  /** By key. */
  readonly endpoints: Map<string, OwnEndpointState>;
  /** Key of its load balancer in gossip. */
  readonly balancerKey: string;
  /** The entries of its load balancer that were announced. */
  balancer: readonly AnnouncedEntry[];
}

/** Announces what this node has on its networks. */
export class OwnEndpoints {
  readonly #gossip: SwarmGossip;
  readonly #vtep: Uint8Array;
  readonly #networks = new Map<string, OwnNetwork>();
  /** Number of endpoints that wait for their interface. */
  #waiting = 0;

  /** @param vtep this node's VTEP: 4 or 16 bytes */
  constructor(gossip: SwarmGossip, vtep: Uint8Array) {
    this.#gossip = gossip;
    this.#vtep = vtep;
  }

  /** By id in gossip. */
  get networks(): ReadonlyMap<string, OwnNetwork> {
    return this.#networks;
  }

  /** Joins a network in gossip, and announces its load balancer. */
  addNetwork(network: JoinedNetwork, balancerKey: string): void {
    const own: OwnNetwork = { network, endpoints: new Map(), balancerKey, balancer: [] };
    this.#networks.set(network.id, own);
    this.#gossip.joinNetwork(network.id);
    this.#announceBalancer(own);
  }

  /** Withdraws all that this node has on a network, and leaves it. */
  removeNetwork(id: string): void {
    const own = this.#networks.get(id);
    if (own === undefined) return;
    for (const key of [...own.endpoints.keys()]) this.remove(id, key);
    this.#withdraw(id, own.balancer);
    this.#gossip.leaveNetwork(id);
    this.#networks.delete(id);
  }

  /** Changes a network's load balancer. */
  setBalancer(network: JoinedNetwork): void {
    const own = this.#networks.get(network.id);
    if (own === undefined) return;
    own.network = network;
    this.#announceBalancer(own);
  }

  /** Adds an endpoint, which is announced once its interface is there. */
  add(networkId: string, endpoint: LocalEndpoint): void {
    this.#networks.get(networkId)?.endpoints.set(endpoint.key, { endpoint, announced: [] });
    this.#waiting++;
  }

  /**
   * Withdraws an endpoint at once. Docker marks a service's tasks as disabled some seconds before, so that connections
   * can end; plain containers, which ours are like, just go.
   */
  remove(networkId: string, key: string): void {
    const own = this.#networks.get(networkId);
    const state = own?.endpoints.get(key);
    if (own === undefined || state === undefined) return;
    own.endpoints.delete(key);
    if (state.announced.length === 0) this.#waiting--;
    this.#withdraw(networkId, state.announced);
  }

  /**
   * Announces endpoints whose interface is there by now.
   * @param isThere whether an endpoint has an interface
   */
  announce(isThere: (networkId: string, key: string) => boolean): void {
    if (this.#waiting === 0) return;
    for (const [id, { network, endpoints }] of this.#networks) {
      for (const [key, state] of endpoints) {
        if (state.announced.length > 0 || !isThere(id, key)) continue;
        state.announced = announcedEndpoint(network, state.endpoint, this.#vtep);
        this.#waiting--;
        this.#set(id, state.announced);
      }
    }
  }

  #announceBalancer(own: OwnNetwork): void {
    const { network, balancerKey } = own;
    const entries = announcedBalancer(network, balancerKey, this.#vtep);
    if (entries.length === 0) this.#withdraw(network.id, own.balancer);
    own.balancer = entries;
    this.#set(network.id, entries);
  }

  #set(networkId: string, entries: readonly AnnouncedEntry[]): void {
    for (const { tableName, key, value } of entries) this.#gossip.setEntry(networkId, tableName, key, value);
  }

  /** In Docker's order: the names go before the address. */
  #withdraw(networkId: string, entries: readonly AnnouncedEntry[]): void {
    for (const { tableName, key } of [...entries].reverse()) this.#gossip.removeEntry(networkId, tableName, key);
  }
}
