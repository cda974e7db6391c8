/** A VTEP whose peers, endpoints and services come from a swarm's gossip, and which announces its own endpoints there. */
import { randomBytes } from 'node:crypto';
import { type GossipEndpoint, LearnedTables, learnedEndpointId, type LocalEndpoint } from '../gossip/index.js';
import { LiveVtep } from '../live/index.js';
import { runningTables } from '../live/internal.js';
import { ChangeKind, type KeyRing, type Node, Profile, type RingOutcome, type Topology } from '../overlay/index.js';
import { inQuotes, plain } from '../text/plain-text.js';
import { VXLAN_PORT } from '../wire/index.js';
import { SwarmError } from './error.js';
import { Learning } from './learning.js';
import { openGossip as openGossipHere } from './member/open-gossip.js';
import type { SwarmGossip, SwarmGossipListener } from './member/swarm-gossip.js';
import { OwnEndpoints } from './own-endpoints.js';
import { SilentPeers } from './silent-peers.js';
import type { JoinedNetwork, OwnEndpoint, SwarmVtepOptions } from './swarm-options.js';
import type { OwnEndpointReport, SwarmReport } from './swarm-report.js';

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

const NAME_BYTES = 6;
const KEY_BYTES = 32;
const MAC_BYTES = 6;
/** Milliseconds between looks at what happens between turns: interfaces that are there, peers that don't answer. */
const CHECK_MS = 100;
const CHECKS_PER_SECOND = 10;
const MILLISECONDS = 1000;

/**
 * A running node of a swarm. Nodes, endpoints and services come from gossip while packets flow.
 * @example
 * import { randomFillSync } from 'node:crypto';
 * import { chooseAead, hkdfSha256 } from 'vtep/aead';
 * import { parseIp } from 'vtep/overlay';
 * import { SwarmVtep } from 'vtep/swarm';
 *
 * const random = (bytes: Uint8Array) => void randomFillSync(bytes);
 * const vtep = parseIp('192.168.50.9');
 * const node = await SwarmVtep.open({
 *   here: { name: 'probe', vtep, mac: undefined, mtu: 1500 },
 *   gossip: { endpoint: { addr: vtep, port: 7946 }, seeds: [{ addr: parseIp('192.168.50.1'), port: 7946 }] },
 *   cipher: { aead: chooseAead().aead, hkdf: hkdfSha256, random },
 *   onTrouble: console.error,
 * });
 * const ending = new AbortController();
 * process.once('SIGTERM', () => ending.abort());
 * await node.run(ending.signal); // addNetwork and addEndpoint may come before or meanwhile
 * await node.close();
 */
export class SwarmVtep {
  /** The sockets, devices and chains. */
  readonly vtep: LiveVtep;
  /** The member of the swarm's gossip. */
  readonly gossip: SwarmGossip;
  readonly #learned: LearnedTables;
  readonly #learning: Learning;
  readonly #own: OwnEndpoints;
  readonly #silent: SilentPeers;
  readonly #timer: NodeJS.Timeout;
  readonly #failed: AbortController;
  #checks = 0;
  /** Whether changes are to be applied soon. */
  #isScheduled = false;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  #latest: SwarmReport | undefined;
  #isReporting = false;

  private constructor(
    vtep: LiveVtep,
    gossip: SwarmGossip,
    learned: LearnedTables,
    learning: Learning,
    failed: AbortController,
    tell: (text: string) => void,
  ) {
    this.vtep = vtep;
    this.gossip = gossip;
    this.#learned = learned;
    this.#learning = learning;
    this.#failed = failed;
    this.#own = new OwnEndpoints(gossip, vtep.node.tables.here.vtep);
    this.#silent = new SilentPeers(vtep.node, tell, (node) => this.#isAlive(node));
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
  }

  /**
   * Opens sockets and joins the swarm's gossip; packets flow only once `run` is called. It starts with no network, and
   * needs no keys before the first encrypted one.
   * @throws LiveError as `LiveVtep.open`; GossipError if gossip's sockets can't be had
   */
  static async open(options: SwarmVtepOptions): Promise<SwarmVtep> {
    const { here, port = VXLAN_PORT, gossip: given, openGossip = openGossipHere, ...rest } = options;
    const topology: Topology = {
      profile: Profile.Swarm,
      port,
      nodes: [here],
      networks: [],
      endpoints: [],
      ring: undefined,
    };
    const tell = (text: string): void => options.onTrouble?.(plain(text));
    const name = given.name ?? randomBytes(NAME_BYTES).toString('hex');
    const vtep = await LiveVtep.open({ esp: rest.cipher !== undefined, ...rest, topology, node: here.name });
    const learned = new LearnedTables({ vtep: here.vtep, name, node: here.name, mtu: here.mtu, onTrouble: tell });
    const learning = new Learning({
      learned,
      tables: runningTables(vtep),
      tell: (text) => tell(`gossip: ${text}`),
    });
    const failed = new AbortController();
    // Gossip may have something to say before there is a node.
    let applySoon = (): void => undefined;
    const listener: SwarmGossipListener = {
      changed: (changes) => {
        learning.push(changes);
        applySoon();
      },
      trouble: (text) => tell(`gossip: ${text}`),
      ended: (error) => failed.abort(error),
    };
    try {
      const gossip = await openGossip({ ...given, name }, listener);
      const node = new SwarmVtep(vtep, gossip, learned, learning, failed, tell);
      applySoon = (): void => node.#applySoon();
      applySoon();
      return node;
    } catch (error) {
      await vtep.close();
      throw error;
    }
  }

  /** Ids of the networks that this node is on, in gossip. */
  get networks(): readonly string[] {
    return [...this.#own.networks.keys()];
  }

  /** The last report of about a second ago, for what can't wait; undefined before the first one. */
  get latest(): SwarmReport | undefined {
    return this.#latest;
  }

  /**
   * Joins a network, with this node's endpoints on it.
   * @throws SwarmError `DUPLICATE_NETWORK`, `BAD_ENDPOINT`; VtepError `BAD_GOSSIP` for an address in none of its
   * subnets; LiveError `BAD_NODE` for an encrypted network without keys: nothing has changed then
   */
  addNetwork(network: JoinedNetwork): void {
    this.#requireOpen();
    const { id, endpoints } = network;
    if (this.#own.networks.has(id)) {
      throw new SwarmError('DUPLICATE_NETWORK', `this node is on the network ${inQuotes(id)} already`);
    }
    const locals = endpoints.map(localEndpointOf);
    const keys = new Set(locals.map(({ key }) => key));
    if (keys.size < locals.length) throw new SwarmError('BAD_ENDPOINT', 'two endpoints have the same id');
    this.#learning.own(
      () => {
        this.#learned.addNetwork(network);
        try {
          for (const local of locals) this.#learned.addEndpoint(id, local);
        } catch (error) {
          this.#learned.removeNetwork(id);
          throw error;
        }
      },
      () => void this.#learned.removeNetwork(id),
    );
    this.#own.addNetwork(network, newKey());
    for (const local of locals) this.#own.add(id, local);
    this.#applySoon();
  }

  /**
   * Leaves a network: withdraws this node's endpoints there, and forgets those of others. Unknown ids are ignored.
   * @param id the network's id in gossip
   */
  removeNetwork(id: string): void {
    if (this.#isClosed || !this.#own.networks.has(id)) return;
    this.#own.removeNetwork(id);
    this.#learned.removeNetwork(id);
    this.#applySoon();
  }

  /**
   * Adds an endpoint of this node. It gets a device, and is announced once that is there.
   * @returns its key in gossip
   * @throws SwarmError `UNKNOWN_NETWORK`, `BAD_ENDPOINT`; VtepError `BAD_GOSSIP` for an address in none of the network's
   * subnets; OverlayError `BAD_TABLE`: nothing has changed then
   */
  addEndpoint(networkId: string, endpoint: OwnEndpoint): string {
    const own = this.#network(networkId);
    const local = localEndpointOf(endpoint);
    if (own.endpoints.has(local.key)) {
      throw new SwarmError('BAD_ENDPOINT', `this node has an endpoint ${inQuotes(local.key)} already`);
    }
    this.#learning.own(
      () => this.#learned.addEndpoint(networkId, local),
      () => void this.#learned.removeEndpoint(networkId, local.key),
    );
    this.#own.add(networkId, local);
    this.#applySoon();
    return local.key;
  }

  /**
   * Withdraws an endpoint of this node, and closes its device. Unknown ones are ignored.
   * @param id its key in gossip
   */
  removeEndpoint(networkId: string, id: string): void {
    if (this.#isClosed) return;
    this.#own.remove(networkId, id);
    this.#learned.removeEndpoint(networkId, id);
    this.#applySoon();
  }

  /**
   * Sets the address of this node's load balancer on a network: 4 bytes; undefined for none.
   * @throws SwarmError `UNKNOWN_NETWORK`; VtepError `BAD_GOSSIP` for an address in none of the network's subnets: nothing
   * has changed then
   */
  setBalancer(networkId: string, address: Uint8Array | undefined): void {
    const before = this.#network(networkId).network;
    const network = { ...before, balancer: address === undefined ? undefined : new Uint8Array(address) };
    this.#learning.own(
      () => this.#learned.addNetwork(network),
      () => this.#learned.addNetwork(before),
    );
    this.#own.setBalancer(network);
    this.#applySoon();
  }

  /**
   * Replaces keys, which are copied: those of gossip at once; those of ESP rotate as `NodeSas.update` does.
   * @returns the outcome for ESP's ring, if there is one
   * @throws OverlayError `KEY_WIPED`: nothing has changed then
   */
  setKeys({ gossip, ipsec }: SwarmVtepKeys): RingOutcome | undefined {
    this.#requireOpen();
    const outcome = ipsec === undefined ? undefined : this.vtep.apply([{ kind: ChangeKind.SetKeys, ring: ipsec }]);
    if (gossip !== undefined) this.gossip.setKeys(gossip);
    return outcome;
  }

  /** Replaces the members to join, at once and whenever none of them is a member. */
  setSeeds(seeds: readonly GossipEndpoint[]): void {
    this.gossip.setSeeds(seeds);
  }

  /** Resolves when this node's endpoints have devices, as `LiveVtep.devicesSettled`, and are announced. */
  async devicesSettled(): Promise<void> {
    await this.vtep.devicesSettled();
    this.#announce();
  }

  /**
   * Runs until aborted, as `LiveVtep.run`.
   * @throws LiveError if a socket has failed; GossipError if gossip has ended by itself
   */
  async run(signal: AbortSignal): Promise<void> {
    const failed = this.#failed.signal;
    await this.vtep.run(AbortSignal.any([signal, failed]));
    if (failed.aborted && !signal.aborted) throw failed.reason as Error;
  }

  /** What it is doing. */
  async report(): Promise<SwarmReport> {
    const gossip = await this.gossip.report();
    const endpoints = [...this.#own.networks].flatMap(([networkId, { network, endpoints: own }]) =>
      Array.from(own, ([id, { endpoint, announced }]): OwnEndpointReport => {
        const { name, address } = endpoint;
        const { name: networkName } = network.networks[0];
        return { networkId, network: networkName, id, name, address, announced: announced.length > 0 };
      }),
    );
    const { waiting, resynchronised } = this.#learning;
    this.#latest = {
      gossip,
      endpoints,
      learned: this.#learned.counts,
      waiting,
      resynchronised,
      silent: this.#silent.silent,
    };
    return this.#latest;
  }

  /** Withdraws this node's endpoints, leaves the gossip, closes devices and sockets, and wipes the keys. */
  close({ tell = true }: SwarmVtepCloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(tell);
    return this.#closing;
  }

  async #close(tell: boolean): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    try {
      if (tell && !this.#failed.signal.aborted) for (const id of this.networks) this.#own.removeNetwork(id);
      await this.gossip.close(tell);
    } finally {
      await this.vtep.close();
    }
  }

  #network(id: string): NonNullable<ReturnType<OwnEndpoints['networks']['get']>> {
    this.#requireOpen();
    const own = this.#own.networks.get(id);
    if (own !== undefined) return own;
    throw new SwarmError('UNKNOWN_NETWORK', `this node is not on the network ${inQuotes(id)}`);
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new SwarmError('CLOSED', 'the node was closed');
  }

  /** Applies what gossip says between the turns of packets. */
  #applySoon(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (!this.#isClosed && this.#learning.turn()) this.#applySoon();
    });
  }

  /** Whether gossip says that a node is alive. Its gossip may have another address than its VTEP. */
  #isAlive({ name, vtep }: Node): boolean {
    const members = this.#latest?.gossip.members ?? [];
    const its = members.filter((member) => member.name === name || sameBytes(member.endpoint.addr, vtep));
    return its.length === 0 || its.some(({ state }) => state === 'alive');
  }

  #check(): void {
    this.#announce();
    if (++this.#checks % CHECKS_PER_SECOND !== 0) return;
    this.#silent.check(performance.now() / MILLISECONDS);
    // Differences that couldn't be applied are tried again.
    this.#applySoon();
    if (this.#isReporting) return;
    this.#isReporting = true;
    this.report()
      .catch(() => undefined)
      .finally(() => (this.#isReporting = false));
  }

  #announce(): void {
    const { ports } = this.vtep.node;
    this.#own.announce((networkId, key) => ports.has(learnedEndpointId(networkId, key)));
  }
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

function newKey(): string {
  return randomBytes(KEY_BYTES).toString('hex');
}

/** @throws SwarmError `BAD_ENDPOINT` */
function localEndpointOf({ id, ...endpoint }: OwnEndpoint): LocalEndpoint {
  const { name, address, mac } = endpoint;
  if (name === '') throw new SwarmError('BAD_ENDPOINT', 'an endpoint needs a name');
  if (mac.length !== MAC_BYTES || (address.length !== 4 && address.length !== 16)) {
    throw new SwarmError('BAD_ENDPOINT', `endpoint ${inQuotes(name)}: an address has 4 or 16 bytes, and a MAC 6`);
  }
  return { ...endpoint, address: new Uint8Array(address), mac: new Uint8Array(mac), key: id ?? newKey() };
}
