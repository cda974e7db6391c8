/** A node's tables and services as gossip describes them: entries come in any order, changes of the tables go out. */
import { VtepError } from '../../error.js';
import { EndpointKind, type EndpointRecord, type ServiceRecord } from '../../overlay/index.js';
import { PendingChanges } from '../../overlay/internal.js';
import { formatIp, macOfIpv4 } from '../../wire/index.js';
import { inQuotes } from '../../text/plain-text.js';
import type { TableChange } from '../networkdb/table-change.js';
import { isFault } from '../wire/index.js';
import { TableName } from '../wire/messages.js';
import { isIngressBalancer, serviceRecordOf } from '../wire/overlay-records.js';
import { type LearnedCounts, LearnedRefusal } from './learned-counts.js';
import { kindAndName, learnedEndpointId } from './learned-endpoint.js';
import { LearnedEntries, LearnedEntry } from './learned-entry.js';
import type { LearnedChanges, LearnedNetwork, LearnedState } from './learned-network.js';
import { checkNetwork } from './network-check.js';
import { DEFAULT_BOUNDS, type LearnedTablesOptions } from './learned-options.js';
import { LearnedNodes } from './learned-nodes.js';
import { readEndpoint, readPeer } from './learned-values.js';
import { type LocalEndpoint, localRecord, placeOf } from './local-endpoint.js';
import { describeOwn } from './own-claims.js';

/** Key of this node's load balancer in the topology. */
const BALANCER_KEY = 'lb';

/**
 * What gossip says about a node's networks, as changes of its tables (`NodeTables.apply`, `LiveVtep.apply`) and of its
 * services. A change costs no more than what it is about, and however entries change between two calls of `take`, each
 * object changes once. Which of several endpoints with one address or MAC counts is left to the tables; this node's own
 * endpoints always do. What doesn't fit, or can't be true, is counted and ignored.
 * @example
 * import { LearnedTables, type LearnedNetwork, type TableChange } from 'vtep/gossip';
 * import { type NodeTables, parseIp } from 'vtep/overlay';
 *
 * function follow(tables: NodeTables, network: LearnedNetwork, changes: readonly TableChange[]): void {
 *   const learned = new LearnedTables({ vtep: parseIp('192.168.50.9'), name: '0a1b2c3d4e5f', mtu: 1500 });
 *   learned.addNetwork(network);
 *   for (const change of changes) learned.change(change);
 *   tables.apply(learned.take().topology);
 * }
 */
export class LearnedTables {
  readonly #options: LearnedTablesOptions;
  readonly #pending = new PendingChanges();
  readonly #nodes: LearnedNodes;
  /** By id. */
  readonly #networks = new Map<string, LearnedEntries>();
  /** Networks whose load balancers may have changed. */
  readonly #rebalanced = new Set<LearnedEntries>();
  readonly #refused = new Map<LearnedRefusal, number>();
  /** Ids of this node's endpoints whose addresses others claim, which was reported. */
  readonly #reported = new Set<string>();
  #entries = 0;
  #bytes = 0;
  #changes = 0;
  #endpoints = 0;
  #records = 0;

  constructor(options: LearnedTablesOptions) {
    this.#options = options;
    const { mtu, maxNodes: most = DEFAULT_BOUNDS.maxNodes, name, node = name } = options;
    this.#nodes = new LearnedNodes(this.#pending.nodes, { mtu, most, reserved: [name, node] });
  }

  get counts(): LearnedCounts {
    return {
      changes: this.#changes,
      nodes: this.#nodes.size,
      endpoints: this.#endpoints,
      records: this.#records,
      refused: Object.fromEntries(this.#refused),
    };
  }

  /** Whether `take` may have changes. */
  get pending(): boolean {
    return this.#pending.size > 0 || this.#rebalanced.size > 0;
  }

  /**
   * Adds a network, with this node's load balancer if it has an address there; or changes it: its entries stay.
   * @throws VtepError `BAD_GOSSIP` if it has no network, one of its VNIs or its name belongs to another network, its id
   * has a `/`, or an address of this node is in none of its subnets: nothing has changed then
   */
  addNetwork(network: LearnedNetwork): void {
    checkNetwork(network, this.#networks);
    const known = this.#networks.get(network.id);
    const entries = known ?? new LearnedEntries(network);
    if (known !== undefined) {
      if (known.name !== network.networks[0]?.name) this.#pending.serviceNetworks.set(known.name, undefined);
      for (const { vni } of known.network.networks) this.#pending.networks.set(vni, undefined);
      known.network = network;
    }
    this.#networks.set(network.id, entries);
    for (const each of network.networks) this.#pending.networks.set(each.vni, each);
    this.#setOwnBalancer(entries);
    this.#rebalanced.add(entries);
    if (known === undefined) return;
    for (const endpoint of known.locals.values()) this.#setLocal(known, endpoint);
    this.#replaceAll(known);
  }

  /** Removes a network with all that is on it. @returns whether there was one */
  removeNetwork(id: string): boolean {
    const entries = this.#networks.get(id);
    if (entries === undefined) return false;
    for (const entry of entries.byKey.values()) this.#forget(entries, entry);
    for (const key of [...entries.own.endpoints.keys()]) this.#removeOwn(entries, key);
    for (const { vni } of entries.network.networks) this.#pending.networks.set(vni, undefined);
    this.#pending.serviceNetworks.set(entries.name, undefined);
    this.#rebalanced.delete(entries);
    this.#networks.delete(id);
    return true;
  }

  /**
   * Adds an endpoint of this node, or replaces the one with its key.
   * @throws VtepError `BAD_GOSSIP` if the network is unknown, or the address is in none of its subnets
   */
  addEndpoint(networkId: string, endpoint: LocalEndpoint): void {
    const entries = this.#networks.get(networkId);
    if (entries === undefined) throw new VtepError('BAD_GOSSIP', `there is no network ${inQuotes(networkId)}`);
    const { key, name, address } = endpoint;
    if (placeOf(entries.network, address) === undefined) {
      throw new VtepError('BAD_GOSSIP', `endpoint ${inQuotes(name)}: its address is in none of the network's subnets`);
    }
    if (key === BALANCER_KEY) throw new VtepError('BAD_GOSSIP', `an endpoint can't have the key ${key}`);
    const foreign = entries.byKey.get(key);
    if (foreign !== undefined) {
      this.#forget(entries, foreign);
      entries.byKey.delete(key);
    }
    const former = entries.locals.get(key);
    this.#setLocal(entries, endpoint);
    this.#replaceClaims(entries, endpoint);
    if (former !== undefined) this.#replaceClaims(entries, former);
  }

  /** Removes an endpoint of this node. @returns whether there was one */
  removeEndpoint(networkId: string, key: string): boolean {
    const entries = this.#networks.get(networkId);
    const local = entries?.locals.get(key);
    if (entries === undefined || local === undefined || !this.#removeOwn(entries, key)) return false;
    this.#replaceClaims(entries, local);
    return true;
  }

  /** Follows a change of an entry. Never throws; what can't be used is counted. */
  change({ kind, networkId, tableName, key, owner, value }: TableChange): void {
    if (owner === this.#options.name) return;
    this.#changes++;
    const entries = this.#networks.get(networkId);
    if (entries === undefined) {
      this.#refuse(LearnedRefusal.UnknownNetwork);
      return;
    }
    const isPeer = tableName === TableName.Peers;
    if (!isPeer && tableName !== TableName.Endpoints) {
      this.#refuse(LearnedRefusal.UnknownTable);
      return;
    }
    if (key === BALANCER_KEY || entries.own.endpoints.has(key)) {
      if (kind !== 'deleted') this.#refuse(LearnedRefusal.OwnKey);
      return;
    }
    const entry = entries.byKey.get(key) ?? (kind === 'deleted' ? undefined : this.#newEntry(entries, key));
    if (entry === undefined) return;
    const bytes = kind === 'deleted' ? undefined : value;
    if (isPeer) this.#setPeer(entries, entry, owner, bytes);
    else this.#setRecord(entries, entry, owner, bytes);
    if (!entry.isEmpty) return;
    entries.byKey.delete(key);
    this.#entries--;
  }

  /** The changes since the last call, in an order in which they can be applied one by one or all together. */
  take(): LearnedChanges {
    for (const entries of this.#rebalanced) {
      const set = entries.serviceNetwork(this.#here, (vtep) => this.#nodes.nameOf(vtep));
      this.#pending.serviceNetworks.set(entries.name, set);
    }
    this.#rebalanced.clear();
    return this.#pending.take();
  }

  /** What all changes that `take` has returned add up to, for tables that couldn't follow one of them. */
  get taken(): LearnedState {
    return this.#pending.taken;
  }

  get #here(): string {
    return this.#options.node ?? this.#options.name;
  }

  #newEntry(entries: LearnedEntries, key: string): LearnedEntry | undefined {
    const { maxEndpoints = DEFAULT_BOUNDS.maxEndpoints, maxPerNetwork = DEFAULT_BOUNDS.maxPerNetwork } = this.#options;
    if (this.#entries >= maxEndpoints || entries.byKey.size >= maxPerNetwork) {
      this.#refuse(LearnedRefusal.TooManyEndpoints);
      return undefined;
    }
    const entry = new LearnedEntry(key, learnedEndpointId(entries.network.id, key));
    entries.byKey.set(key, entry);
    this.#entries++;
    return entry;
  }

  #setPeer(entries: LearnedEntries, entry: LearnedEntry, owner: string, bytes: Uint8Array | undefined): void {
    this.#unplace(entry);
    const fits = this.#fits(entry.peerBytes, bytes);
    entry.peerBytes = fits?.length ?? 0;
    const peer = fits === undefined ? undefined : readPeer(fits, this.#options.vtep);
    if (typeof peer === 'string') this.#refuse(peer);
    entry.peer = peer === undefined || typeof peer === 'string' ? undefined : { owner, value: peer };
    this.#place(entries, entry);
    this.#follow(entries, entry);
  }

  #setRecord(entries: LearnedEntries, entry: LearnedEntry, owner: string, bytes: Uint8Array | undefined): void {
    const fits = this.#fits(entry.recordBytes, bytes);
    entry.recordBytes = fits?.length ?? 0;
    const record = fits === undefined ? undefined : readEndpoint(fits);
    if (typeof record === 'string') this.#refuse(record);
    entry.record = record === undefined || typeof record === 'string' ? undefined : { owner, value: record };
    this.#followRecord(entries, entry);
    this.#follow(entries, entry);
  }

  /** The bytes, if there is room for them instead of those before. */
  #fits(before: number, bytes: Uint8Array | undefined): Uint8Array | undefined {
    this.#bytes -= before;
    if (bytes === undefined) return undefined;
    if (this.#bytes + bytes.length > (this.#options.maxBytes ?? DEFAULT_BOUNDS.maxBytes)) {
      this.#refuse(LearnedRefusal.TooManyEndpoints);
      return undefined;
    }
    this.#bytes += bytes.length;
    return bytes;
  }

  #setLocal(entries: LearnedEntries, endpoint: LocalEndpoint): void {
    const { key, name, address: ip, mac, device, netns } = endpoint;
    const place = placeOf(entries.network, ip);
    if (place === undefined) return;
    const { vtep } = this.#options;
    const id = learnedEndpointId(entries.network.id, key);
    entries.locals.set(key, endpoint);
    this.#setOwn(entries, key, {
      kind: EndpointKind.Container,
      name,
      id,
      vni: place.vni,
      vtep,
      ip,
      mac,
      ...(device !== undefined && { device }),
      ...(netns !== undefined && { netns }),
    });
    this.#pending.records.set(id, localRecord(entries.name, endpoint, this.#here));
  }

  /** Gives an entry a VNI and a node, if its peer record can be true. */
  #place(entries: LearnedEntries, entry: LearnedEntry): void {
    if (entry.peer === undefined) return;
    const { owner, value } = entry.peer;
    const { address, mac, vtep } = value;
    const place = placeOf(entries.network, address);
    if (place === undefined) this.#refuse(LearnedRefusal.OutsideSubnets);
    else if (vtep.every((byte, i) => byte === this.#options.vtep[i])) this.#refuse(LearnedRefusal.OwnVtep);
    else if (this.#isOwn(entries, entry, owner, address, mac)) this.#refuse(LearnedRefusal.OwnAddress);
    else if (!this.#nodes.add(vtep, owner)) this.#refuse(LearnedRefusal.TooManyNodes);
    else {
      entry.vni = place.vni;
      this.#endpoints++;
    }
  }

  #unplace(entry: LearnedEntry): void {
    if (entry.vni === undefined || entry.peer === undefined) return;
    entry.vni = undefined;
    this.#endpoints--;
    this.#nodes.remove(entry.peer.value.vtep, entry.peer.owner);
  }

  #isOwn(
    entries: LearnedEntries,
    { id }: LearnedEntry,
    owner: string,
    address: Uint8Array,
    mac: Uint8Array | undefined,
  ): boolean {
    const holder = entries.own.holderOf(address, mac);
    if (holder === undefined) return false;
    const reported = holder.id ?? id;
    if (!this.#reported.has(reported)) {
      this.#reported.add(reported);
      const what = formatIp(address.length === 4 ? 4 : 6, address);
      this.#options.onTrouble?.(
        `network ${inQuotes(entries.name)}: node ${inQuotes(owner)} claims ${what}, but its address or MAC is that of ${describeOwn(holder)}`,
      );
    }
    return true;
  }

  /** Brings an entry's endpoint in line, and that of another one whose part it has taken or left. */
  #follow(entries: LearnedEntries, entry: LearnedEntry): void {
    const other = entries.arrange(entry);
    this.#setEndpoint(entries, entry);
    if (other !== undefined) this.#setEndpoint(entries, other);
  }

  #setEndpoint(entries: LearnedEntries, entry: LearnedEntry): void {
    const { key, id, peer, record, vni } = entry;
    const isBalancer = entries.isBalancer(entry);
    if (entries.listBalancer(entry, isBalancer)) this.#rebalanced.add(entries);
    if (peer === undefined || vni === undefined) {
      this.#pending.endpoints.set(id, undefined);
      return;
    }
    const { address: ip, mac, vtep } = peer.value;
    const named = kindAndName(key, entries.name, record?.value, isBalancer);
    this.#pending.endpoints.set(id, { ...named, id, vni, vtep, ip, mac });
  }

  #followRecord(entries: LearnedEntries, entry: LearnedEntry): void {
    const service = this.#serviceRecord(entries, entry);
    const { records } = this.#pending;
    this.#records += Number(service !== undefined) - Number(records.get(entry.id) !== undefined);
    records.set(entry.id, service);
  }

  #serviceRecord(entries: LearnedEntries, entry: LearnedEntry): ServiceRecord | undefined {
    if (entry.record === undefined || isIngressBalancer(entry.record.value)) return undefined;
    const { owner, value } = entry.record;
    const service = serviceRecordOf(value, { network: entries.name, endpoint: entry.key, node: owner });
    if (isFault(service)) return undefined;
    const [address] = service.addresses;
    if (placeOf(entries.network, address) === undefined) this.#refuse(LearnedRefusal.OutsideSubnets);
    else if (this.#isOwn(entries, entry, owner, address, undefined)) this.#refuse(LearnedRefusal.OwnAddress);
    else return service;
    return undefined;
  }

  /** Reconsiders all entries of a network, after a change of the network. */
  #replaceAll(entries: LearnedEntries): void {
    for (const entry of entries.byKey.values()) this.#replace(entries, entry);
  }

  /** Reconsiders the entries that claim an address or MAC of an endpoint of this node that was added or removed. */
  #replaceClaims(entries: LearnedEntries, { address, mac }: LocalEndpoint): void {
    for (const entry of entries.byKey.values()) if (entry.claims(address, mac)) this.#replace(entries, entry);
  }

  #replace(entries: LearnedEntries, entry: LearnedEntry): void {
    this.#unplace(entry);
    this.#place(entries, entry);
    this.#followRecord(entries, entry);
    this.#follow(entries, entry);
  }

  /** Takes an entry out of everything but its network's list. */
  #forget(entries: LearnedEntries, entry: LearnedEntry): void {
    this.#unplace(entry);
    this.#bytes -= entry.peerBytes + entry.recordBytes;
    this.#entries--;
    entry.peer = undefined;
    entry.record = undefined;
    this.#followRecord(entries, entry);
    this.#follow(entries, entry);
  }

  #setOwnBalancer(entries: LearnedEntries): void {
    const { id, balancer } = entries.network;
    this.#removeOwn(entries, BALANCER_KEY);
    const place = balancer === undefined ? undefined : placeOf(entries.network, balancer);
    if (balancer === undefined || place === undefined) return;
    this.#setOwn(entries, BALANCER_KEY, {
      ...kindAndName(BALANCER_KEY, entries.name, undefined, true),
      id: learnedEndpointId(id, BALANCER_KEY),
      vni: place.vni,
      vtep: this.#options.vtep,
      ip: balancer,
      mac: macOfIpv4(balancer),
    });
  }

  #setOwn(entries: LearnedEntries, key: string, endpoint: EndpointRecord): void {
    entries.own.set(key, endpoint);
    this.#pending.endpoints.set(learnedEndpointId(entries.network.id, key), endpoint);
  }

  #removeOwn(entries: LearnedEntries, key: string): boolean {
    entries.locals.delete(key);
    if (!entries.own.delete(key)) return false;
    const id = learnedEndpointId(entries.network.id, key);
    this.#reported.delete(id);
    this.#pending.endpoints.set(id, undefined);
    this.#pending.records.set(id, undefined);
    return true;
  }

  #refuse(reason: LearnedRefusal): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1);
  }
}
