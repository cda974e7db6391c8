/** The records of a store as changes of one node's tables and services. No clock, no store: records come in, changes go out. */
import {
  type EndpointRecord as PlacedEndpoint,
  type Network,
  type Node,
  prefixContains,
  type TakenChanges,
  type TakenState,
} from '../../overlay/index.js';
import { PendingChanges } from '../../overlay/internal.js';
import { inQuotes } from '../../text/plain-text.js';
import { formatIp, parseMac } from '../../wire/index.js';
import { NETWORKS, NODES, SERVICES } from '../records/records.js';
import { nameOf, segmentOf } from '../records/key-segment.js';
import {
  type EndpointRecord,
  FleetEndpointKind,
  type NetworkRecord,
  type NodeRecord,
  type ServiceRecord,
} from '../records/schemas.js';
import { Claims } from './claims.js';
import type { FollowedRecord } from './followed-record.js';
import { LabelledServices } from './labelled-services.js';
import { KeysByName } from './keys-by-name.js';
import { endpointOf, networkOf, nodeOf, overlayRecordOf, recordServiceOf, serviceNetworkOf } from './overlay-values.js';
import { Counts, EndpointState, RECORD_KINDS, type RecordCounts, type RecordKind } from './record-counts.js';
import { RecordTroubles } from './troubles.js';

/** Whose tables they are. */
export interface RecordsTableOptions {
  /** This node's name. */
  readonly name: string;
  /** Its VTEP address: 4 or 16 bytes. Nodes with addresses of the other family are refused. */
  readonly vtep: Uint8Array;
  /** Receives a description of each problem of a record, once. */
  readonly onTrouble?: (text: string) => void;
}

/** Whether this node can carry encrypted networks. */
export const Keyed = {
  /** It has no key that opens the ring. */
  Never: 'never',
  /** The store has no ring yet. */
  Waiting: 'waiting',
  Ready: 'ready',
} as const;
export type Keyed = (typeof Keyed)[keyof typeof Keyed];

/** An endpoint of the store. */
export interface HeldEndpoint {
  readonly record: EndpointRecord;
  /** Of its last change. */
  readonly revision: number;
  /** What only one endpoint of its network may have. */
  readonly claims: readonly string[];
  /** As of the last `take`. */
  state: EndpointState;
}

/** A network of the tables, and the record that it was made of. */
interface CarriedNetwork {
  readonly network: Network;
  readonly record: NetworkRecord;
}

const UNKEYED = {
  [Keyed.Never]: "it is encrypted, and this node has no key for the store's key ring: it is not carried",
  [Keyed.Waiting]: 'it is encrypted, and the store has no key ring yet: it is not carried',
} as const;

const OWN_RANK = '0';
const OTHER_RANK = '1';

/**
 * What a node's tables hold, as the records say. Records come in any order and as often as they like: what they add up
 * to is the same. A network is carried if this node has a container on it, or if it is the ingress network. Of records
 * that contradict each other the older one counts, by its `created`, and the others wait and are reported; of nodes with
 * one VTEP address the first by name, and this node before all.
 */
export class RecordsTable {
  readonly #options: RecordsTableOptions;
  readonly #pending = new PendingChanges();
  readonly #claims = new Claims();
  readonly #troubles: RecordTroubles;
  readonly #kinds = new Map<string, RecordKind>();
  readonly #records = new Counts<RecordKind>(RECORD_KINDS);
  readonly #states = new Counts<EndpointState>(Object.values(EndpointState));
  /** By name. */
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #networks = new Map<string, NetworkRecord>();
  readonly #services = new Map<string, ServiceRecord>();
  /** By key. */
  readonly #endpoints = new Map<string, HeldEndpoint>();
  readonly #onNode = new KeysByName();
  readonly #onNetwork = new KeysByName();
  readonly #ofService = new KeysByName();
  /** This node's containers, by network. */
  readonly #own = new KeysByName();
  /** What the tables have, by name. */
  readonly #carriedNodes = new Map<string, Node>();
  readonly #carriedNetworks = new Map<string, CarriedNetwork>();
  /** Names of all networks, as of the last `take`. */
  readonly #known = new Set<string>();
  /** Addresses of load balancers by network and node. */
  readonly #balancers = new Map<string, Map<string, Uint8Array>>();
  /** What may have changed since the last `take`: names and keys. */
  readonly #changedNodes = new Set<string>();
  readonly #changedNetworks = new Set<string>();
  readonly #changedEndpoints = new Set<string>();
  readonly #labelled = new LabelledServices(this.#services, this.#networks, this.#pending.labels);
  readonly #rebalanced = new Set<string>();
  #keyed: Keyed = Keyed.Never;

  constructor(options: RecordsTableOptions) {
    this.#options = options;
    this.#troubles = new RecordTroubles((text) => options.onTrouble?.(text));
    this.#claims.add(vtepClaim(options.vtep), options.name, OWN_RANK);
  }

  get counts(): RecordCounts {
    return { records: this.#records.all, endpoints: this.#states.all, troubles: this.#troubles.size };
  }

  /** The first problems of records. */
  get troubles(): readonly string[] {
    return this.#troubles.first;
  }

  /** Whether `take` may have changes. */
  get pending(): boolean {
    const changed = this.#changedNodes.size + this.#changedNetworks.size + this.#changedEndpoints.size;
    return changed + this.#rebalanced.size + this.#labelled.changed > 0;
  }

  /** Keys of all records. */
  get keys(): Iterable<string> {
    return this.#kinds.keys();
  }

  /** Names of the networks that this node carries, as of the last `take`. */
  get carried(): Iterable<string> {
    return this.#carriedNetworks.keys();
  }

  network(name: string): NetworkRecord | undefined {
    return this.#networks.get(name);
  }

  endpoint(key: string): Readonly<HeldEndpoint> | undefined {
    return this.#endpoints.get(key);
  }

  /** Whether a network is encrypted. */
  get hasEncrypted(): boolean {
    for (const { encrypted } of this.#networks.values()) if (encrypted) return true;
    return false;
  }

  /** Names of all networks. */
  get networks(): Iterable<string> {
    return this.#networks.keys();
  }

  /** Keys of this node's endpoints, load balancers included. */
  get own(): Iterable<string> {
    return this.#onNode.of(this.#options.name);
  }

  /** Whether this node needs a network: it has a container there, or it is the ingress network. */
  needs(network: string): boolean {
    return this.#own.count(network) > 0 || this.#networks.get(network)?.ingress === true;
  }

  get keyed(): Keyed {
    return this.#keyed;
  }

  set keyed(keyed: Keyed) {
    if (keyed === this.#keyed) return;
    this.#keyed = keyed;
    for (const [name, { encrypted }] of this.#networks) if (encrypted) this.#changedNetworks.add(name);
  }

  /**
   * Takes up a record.
   * @param revision of its last change
   */
  put(key: string, record: FollowedRecord, revision = 0): void {
    this.#forget(key);
    this.#kinds.set(key, record.kind);
    this.#records.change(undefined, record.kind);
    switch (record.kind) {
      case 'node':
        this.#putNode(record.record);
        return;
      case 'network':
        this.#putNetwork(key, record.record);
        return;
      case 'endpoint':
        this.#putEndpoint(key, record.record, revision);
        return;
      case 'unreadable':
        this.#troubles.set(key, `can't be read: ${record.fault}`);
        return;
      case 'service':
        this.#services.set(record.record.name, record.record);
        this.#changeService(record.record.name);
    }
    this.#troubles.set(key, undefined);
  }

  /** Forgets a record. */
  delete(key: string): void {
    this.#forget(key);
    this.#troubles.set(key, undefined);
  }

  #forget(key: string): void {
    const kind = this.#kinds.get(key);
    if (kind === undefined) return;
    this.#kinds.delete(key);
    this.#records.change(kind, undefined);
    if (kind === 'endpoint') this.#deleteEndpoint(key);
    else if (kind === 'node') this.#deleteNode(key);
    else if (kind === 'network') this.#deleteNetwork(key);
    else if (kind === 'service') this.#deleteService(key);
  }

  /** The changes since the last call, in an order in which they can be applied one by one or all together. */
  take(): TakenChanges {
    this.#carryNodes();
    this.#carryNetworks();
    for (const key of this.#changedEndpoints) this.#place(key);
    this.#changedEndpoints.clear();
    for (const name of this.#rebalanced) this.#setServiceNetwork(name);
    this.#rebalanced.clear();
    this.#labelled.take();
    return this.#pending.take();
  }

  /** What all changes that `take` has returned add up to, for tables that couldn't follow one of them. */
  get taken(): TakenState {
    return this.#pending.taken;
  }

  #putNode(record: NodeRecord): void {
    const { name } = record;
    this.#nodes.set(name, record);
    this.#changedNodes.add(name);
    if (name === this.#options.name) return;
    const loser = this.#claims.add(vtepClaim(nodeOf(record).vtep), name, OTHER_RANK);
    if (loser !== undefined) this.#changedNodes.add(loser);
  }

  #deleteNode(key: string): void {
    for (const record of recordsAt(this.#nodes, key, NODES)) {
      this.#nodes.delete(record.name);
      this.#changedNodes.add(record.name);
      if (record.name === this.#options.name) continue;
      const winner = this.#claims.remove(vtepClaim(nodeOf(record).vtep), record.name);
      if (winner !== undefined) this.#changedNodes.add(winner);
    }
  }

  #putNetwork(key: string, record: NetworkRecord): void {
    this.#networks.set(record.name, record);
    this.#changedNetworks.add(record.name);
    this.#labelled.changeNetwork(record);
    const loser = this.#claims.add(vniClaim(record), record.name, `${record.created} ${key}`);
    if (loser !== undefined) this.#changedNetworks.add(loser);
  }

  #deleteNetwork(key: string): void {
    for (const record of recordsAt(this.#networks, key, NETWORKS)) {
      this.#networks.delete(record.name);
      this.#changedNetworks.add(record.name);
      this.#labelled.changeNetwork(record);
      const winner = this.#claims.remove(vniClaim(record), record.name);
      if (winner !== undefined) this.#changedNetworks.add(winner);
    }
  }

  #deleteService(key: string): void {
    for (const { name } of recordsAt(this.#services, key, SERVICES)) {
      this.#services.delete(name);
      this.#changeService(name);
    }
  }

  #putEndpoint(key: string, record: EndpointRecord, revision: number): void {
    const claims = claimsOf(record);
    this.#endpoints.set(key, { record, revision, claims, state: EndpointState.Elsewhere });
    this.#states.change(undefined, EndpointState.Elsewhere);
    this.#changedEndpoints.add(key);
    for (const claim of claims) {
      const loser = this.#claims.add(claim, key, `${record.created} ${key}`);
      if (loser !== undefined) this.#changedEndpoints.add(loser);
    }
    const { network, node, service } = record;
    this.#onNode.add(node, key);
    this.#onNetwork.add(network, key);
    if (service !== undefined) this.#ofService.add(service, key);
    if (!this.#isOwnContainer(record)) return;
    if (this.#own.count(network) === 0) this.#changedNetworks.add(network);
    this.#own.add(network, key);
  }

  #deleteEndpoint(key: string): void {
    const held = this.#endpoints.get(key);
    if (held === undefined) return;
    this.#endpoints.delete(key);
    this.#states.change(held.state, undefined);
    this.#unlist(held.record);
    this.#changedEndpoints.add(key);
    for (const claim of held.claims) {
      const winner = this.#claims.remove(claim, key);
      if (winner !== undefined) this.#changedEndpoints.add(winner);
    }
    const { network, node, service } = held.record;
    this.#onNode.remove(node, key);
    this.#onNetwork.remove(network, key);
    if (service !== undefined) this.#ofService.remove(service, key);
    if (!this.#isOwnContainer(held.record)) return;
    this.#own.remove(network, key);
    if (this.#own.count(network) === 0) this.#changedNetworks.add(network);
  }

  #isOwnContainer({ node, kind }: EndpointRecord): boolean {
    return node === this.#options.name && kind === FleetEndpointKind.Container;
  }

  #changeService(service: string): void {
    this.#labelled.change(service);
    for (const key of this.#ofService.of(service)) this.#changedEndpoints.add(key);
  }

  #carryNodes(): void {
    const wanted: Node[] = [];
    for (const name of this.#changedNodes) {
      const before = this.#carriedNodes.get(name);
      const after = this.#carriedNode(name);
      if (before !== undefined) this.#pending.nodes.set(before.vtep.join('.'), undefined);
      if (after === undefined) this.#carriedNodes.delete(name);
      else {
        this.#carriedNodes.set(name, after);
        wanted.push(after);
      }
      if (before?.vtep.join('.') === after?.vtep.join('.')) continue;
      for (const key of this.#onNode.of(name)) this.#changedEndpoints.add(key);
    }
    // After all removals: one of them may have had this address.
    for (const node of wanted) this.#pending.nodes.set(node.vtep.join('.'), node);
    this.#changedNodes.clear();
  }

  #carriedNode(name: string): Node | undefined {
    const record = this.#nodes.get(name);
    if (record === undefined) return undefined;
    if (name === this.#options.name) {
      this.#troubles.set(NODES + segmentOf(name), undefined);
      return undefined;
    }
    const node = nodeOf(record);
    const { vtep } = this.#options;
    const key = NODES + segmentOf(name);
    const holder = this.#claims.holder(vtepClaim(node.vtep));
    const fault =
      node.vtep.length !== vtep.length
        ? `its VTEP address ${record.vtep} has another family than this node's`
        : holder === name
          ? undefined
          : `its VTEP address ${record.vtep} is that of node ${inQuotes(holder ?? '')}`;
    this.#troubles.set(key, fault);
    return fault === undefined ? node : undefined;
  }

  #carryNetworks(): void {
    const wanted: Network[] = [];
    for (const name of this.#changedNetworks) {
      const before = this.#carriedNetworks.get(name);
      const record = this.#networks.get(name);
      const isCarried = record !== undefined && this.#carries(record);
      const isNews = this.#known.has(name) !== (record !== undefined);
      if (record === undefined) this.#known.delete(name);
      else this.#known.add(name);
      if (isNews) for (const key of this.#onNetwork.of(name)) this.#changedEndpoints.add(key);
      if (before?.record === record && isCarried === (before !== undefined)) continue;
      if (before !== undefined) this.#pending.networks.set(before.network.vni, undefined);
      if (isCarried) {
        const network = networkOf(record);
        this.#carriedNetworks.set(name, { network, record });
        wanted.push(network);
      } else this.#carriedNetworks.delete(name);
      this.#rebalanced.add(name);
      for (const key of this.#onNetwork.of(name)) this.#changedEndpoints.add(key);
    }
    // After all removals: one of them may have had this VNI.
    for (const network of wanted) this.#pending.networks.set(network.vni, network);
    this.#changedNetworks.clear();
  }

  #carries(record: NetworkRecord): boolean {
    const { name } = record;
    const holder = this.#claims.holder(vniClaim(record));
    const isNeeded = this.needs(name);
    const fault =
      holder !== name
        ? `its VNI ${record.vni} is that of network ${inQuotes(holder ?? '')}`
        : record.encrypted && isNeeded && this.#keyed !== Keyed.Ready
          ? UNKEYED[this.#keyed]
          : undefined;
    this.#troubles.set(NETWORKS + segmentOf(name), fault);
    return isNeeded && fault === undefined;
  }

  /** Brings an endpoint, and what services know of it, in line with its record. */
  #place(key: string): void {
    const held = this.#endpoints.get(key);
    if (held === undefined) {
      this.#pending.endpoints.set(key, undefined);
      this.#pending.records.set(key, undefined);
      return;
    }
    const { record } = held;
    const isOwn = record.node === this.#options.name;
    const network = this.#carriedNetworks.get(record.network)?.network;
    const vtep = isOwn ? this.#options.vtep : this.#carriedNodes.get(record.node)?.vtep;
    const fault = network === undefined ? undefined : this.#faultOf(key, held, network);
    this.#troubles.set(key, fault);
    const state = this.#stateOf(record, network, vtep, fault);
    this.#states.change(held.state, state);
    held.state = state;
    const isPlaced = state === EndpointState.Placed && network !== undefined && vtep !== undefined;
    const placed: PlacedEndpoint | undefined = isPlaced
      ? { ...endpointOf(record, isOwn), vni: network.vni, vtep }
      : undefined;
    this.#pending.endpoints.set(key, placed);
    if (record.kind === FleetEndpointKind.Balancer) this.#listBalancer(record, placed);
    else this.#pending.records.set(key, placed === undefined ? undefined : this.#overlayRecord(record, isOwn));
  }

  #stateOf(
    { network: name, node }: EndpointRecord,
    network: Network | undefined,
    vtep: Uint8Array | undefined,
    fault: string | undefined,
  ): EndpointState {
    if (fault !== undefined) return EndpointState.Refused;
    if (network === undefined) {
      const waits = !this.#networks.has(name) || node === this.#options.name;
      return waits ? EndpointState.Waiting : EndpointState.Elsewhere;
    }
    return vtep === undefined ? EndpointState.Waiting : EndpointState.Placed;
  }

  #faultOf(key: string, { record, claims }: HeldEndpoint, { subnets }: Network): string | undefined {
    const lost = claims.find((claim) => !this.#claims.has(claim, key));
    if (lost !== undefined) {
      const { id = '', node = '' } = this.#endpoints.get(this.#claims.holder(lost) ?? '')?.record ?? {};
      return `its MAC or address is that of endpoint ${inQuotes(id)} on node ${inQuotes(node)}`;
    }
    const { ip, mac } = endpointOf(record, false);
    if ((mac[0] & 1) !== 0) return `its MAC ${record.mac} is a group address`;
    if (ip === undefined || subnets.some((subnet) => prefixContains(subnet, ip))) return undefined;
    return `its address ${record.ip ?? ''} is in none of its network's subnets`;
  }

  #overlayRecord(record: EndpointRecord, isOwn: boolean): ReturnType<typeof overlayRecordOf> | undefined {
    const network = this.#networks.get(record.network);
    // Of this node's own, its services know better whether their interface is there.
    if (network === undefined || record.ip === undefined || !(record.running || isOwn)) return undefined;
    if (record.service === undefined) return overlayRecordOf(record, undefined);
    const service = this.#services.get(record.service);
    return service && overlayRecordOf(record, recordServiceOf(service, network));
  }

  #listBalancer({ network, node }: EndpointRecord, placed: PlacedEndpoint | undefined): void {
    const balancers = this.#balancers.get(network) ?? new Map<string, Uint8Array>();
    if (placed?.ip?.length === 4) balancers.set(node, placed.ip);
    else if (!balancers.delete(node)) return;
    this.#balancers.set(network, balancers);
    this.#rebalanced.add(network);
  }

  /** Takes an endpoint that changes or goes away off the list of load balancers. */
  #unlist(record: EndpointRecord): void {
    if (record.kind === FleetEndpointKind.Balancer) this.#listBalancer(record, undefined);
  }

  #setServiceNetwork(name: string): void {
    const record = this.#carriedNetworks.get(name)?.record;
    const balancers = this.#balancers.get(name);
    if (balancers?.size === 0) this.#balancers.delete(name);
    const set = record && serviceNetworkOf(record, Object.fromEntries(balancers ?? []));
    this.#pending.serviceNetworks.set(name, set);
  }
}

/** The record under a key, by the name that its key was made of. */
function recordsAt<R extends { readonly name: string }>(all: ReadonlyMap<string, R>, key: string, prefix: string): R[] {
  const name = nameOf(key.slice(prefix.length));
  const record = name === undefined ? undefined : all.get(name);
  return record === undefined ? [] : [record];
}

function vtepClaim(vtep: Uint8Array): string {
  return `vtep ${formatIp(vtep.length === 4 ? 4 : 6, vtep)}`;
}

function vniClaim({ vni }: NetworkRecord): string {
  return `vni ${vni}`;
}

/** A MAC and an address are unique in their network, and a node has one load balancer there. */
function claimsOf({ kind, network, node, mac, ip }: EndpointRecord): string[] {
  const where = segmentOf(network);
  return [
    `${where} mac ${parseMac(mac).join('.')}`,
    ...(ip === undefined ? [] : [`${where} ip ${ip}`]),
    ...(kind === FleetEndpointKind.Balancer ? [`${where} balancer ${node}`] : []),
  ];
}
