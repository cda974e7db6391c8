/** The entries of a network in both tables, by key, as far as other nodes have made them. */
import type { ServiceNetworkSet } from '../../overlay/index.js';
import type { EndpointRecord as TableRecord } from '../wire/messages.js';
import { addressOf, isIngressBalancer, type PeerEndpoint } from '../wire/overlay-records.js';
import type { LearnedNetwork } from './learned-network.js';
import type { LocalEndpoint } from './local-endpoint.js';
import { OwnClaims } from './own-claims.js';

/** What one table says under a key. */
export interface OwnedValue<V> {
  readonly owner: string;
  readonly value: V;
}

/** What the tables say under a key: where an endpoint is, what it is called, or both. */
export class LearnedEntry {
  readonly key: string;
  /** Id of its endpoint. */
  readonly id: string;
  peer: OwnedValue<PeerEndpoint> | undefined;
  record: OwnedValue<TableRecord> | undefined;
  /** Length of both values. */
  peerBytes = 0;
  recordBytes = 0;
  /** VNI, if its endpoint is part of the topology. */
  vni: number | undefined;

  constructor(key: string, id: string) {
    this.key = key;
    this.id = id;
  }

  /** Whether it names an address or a MAC. */
  claims(address: Uint8Array, mac: Uint8Array): boolean {
    const { peer, record } = this;
    if (peer !== undefined && (isSame(peer.value.address, address) || isSame(peer.value.mac, mac))) return true;
    const named = record === undefined ? undefined : addressOf(record.value.endpointIp);
    return named !== undefined && isSame(named, address);
  }

  get isEmpty(): boolean {
    return this.peer === undefined && this.record === undefined;
  }
}

/** A network with its entries. */
export class LearnedEntries {
  network: LearnedNetwork;
  /** This node's endpoints and load balancer. */
  readonly own = new OwnClaims();
  /** This node's endpoints, by key. */
  readonly locals = new Map<string, LocalEndpoint>();
  readonly byKey = new Map<string, LearnedEntry>();
  /** Load balancers, with the addresses of their nodes. */
  readonly #balancers = new Set<LearnedEntry>();
  /** Endpoints without a record, by owner, in the order in which they came. */
  readonly #unnamed = new Map<string, Set<LearnedEntry>>();
  readonly #unnamedOf = new Map<LearnedEntry, string>();

  constructor(network: LearnedNetwork) {
    this.network = network;
  }

  /** The name of its first network. */
  get name(): string {
    return this.network.networks[0]?.name ?? this.network.id;
  }

  /**
   * Files an entry as one with or without a name.
   * @returns another entry that becomes or no longer is a load balancer, or undefined
   */
  arrange(entry: LearnedEntry): LearnedEntry | undefined {
    const before = this.#unnamedOf.get(entry);
    const after = entry.vni === undefined || entry.record !== undefined ? undefined : entry.peer?.owner;
    if (before === after) return undefined;
    let other: LearnedEntry | undefined;
    if (before !== undefined) {
      const entries = this.#unnamed.get(before);
      const wasFirst = firstOf(entries) === entry;
      entries?.delete(entry);
      this.#unnamedOf.delete(entry);
      if (entries?.size === 0) this.#unnamed.delete(before);
      if (wasFirst) other = firstOf(entries);
    }
    if (after !== undefined) {
      const entries = this.#unnamed.get(after);
      if (entries === undefined) this.#unnamed.set(after, new Set([entry]));
      else entries.add(entry);
      this.#unnamedOf.set(entry, after);
    }
    return other;
  }

  /**
   * Whether an entry is of a load balancer: the ingress network's have a record that says so; elsewhere it is the first
   * endpoint of each node without a record, since a node's load balancer comes before its tasks.
   */
  isBalancer(entry: LearnedEntry): boolean {
    if (entry.vni === undefined) return false;
    if (entry.record !== undefined) return isIngressBalancer(entry.record.value);
    return firstOf(this.#unnamed.get(entry.peer?.owner ?? '')) === entry;
  }

  /** Lists an entry as a load balancer, or no longer. @returns whether the balancers may have changed */
  listBalancer(entry: LearnedEntry, is: boolean): boolean {
    if (!is) return this.#balancers.delete(entry);
    this.#balancers.add(entry);
    return true;
  }

  /**
   * The network as services know it.
   * @param here this node's name
   * @param nameOf the name of the node with a VTEP
   */
  serviceNetwork(here: string, nameOf: (vtep: Uint8Array) => string | undefined): ServiceNetworkSet {
    const { ingress, internal, dsr, balancer } = this.network;
    const balancers = new Map<string, Uint8Array>();
    for (const { peer } of this.#balancers) {
      const node = peer === undefined ? undefined : nameOf(peer.value.vtep);
      if (peer?.value.address.length !== 4 || node === undefined || balancers.has(node)) continue;
      balancers.set(node, peer.value.address);
    }
    if (balancer !== undefined) balancers.set(here, balancer);
    return { name: this.name, ingress, internal, dsr, balancers: Object.fromEntries(balancers) };
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

function firstOf(entries: ReadonlySet<LearnedEntry> | undefined): LearnedEntry | undefined {
  if (entries === undefined) return undefined;
  for (const entry of entries) return entry;
  return undefined;
}
