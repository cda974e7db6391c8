import { type GossipEndpoint } from '../member/endpoint.js';
import { type MemberUser } from '../member/output.js';
import { type Peer } from '../member/peer.js';
import { type UserData, type UserState } from '../user-data.js';
import { EntryEvent, GossipType, MembershipEvent } from '../wire/messages.js';
import { Announcements } from './announcements.js';
import { BulkSync } from './bulk-sync.js';
import { type Cluster } from './cluster.js';
import { DbContext, type NetworkDbPorts } from './context.js';
import { type NetworkDbCounts } from './counts.js';
import { type Entry, NodeStatus } from './db-node.js';
import { EarlyEvents } from './early-events.js';
import { Entries } from './entries.js';
import { NetworkDbError } from './error.js';
import { Membership } from './membership.js';
import { type Network, OwnAttachment } from './network.js';
import { Networks } from './networks.js';
import { Nodes } from './nodes.js';
import { type NetworkDbParameters } from './parameters.js';
import { Reaping } from './reaping.js';
import { Rejoining } from './rejoining.js';
import { type TableEntry } from './table-change.js';
import { TableEvents } from './table-events.js';
import { TableGossip } from './table-gossip.js';

/**
 * Docker's NetworkDB: tables of a swarm's networks that all nodes on a network share, on top of a {@link Member}.
 *
 * Nodes own the entries that they create. Changes are gossiped among the nodes of a network, ordered by a Lamport
 * clock, and repaired by exchanging whole tables now and then. Like the member, it has no clock or sockets.
 */
export class NetworkDb implements MemberUser {
  readonly counts: NetworkDbCounts;
  readonly #context: DbContext;
  readonly #networks: Networks;
  readonly #entries: Entries;
  readonly #nodes: Nodes;
  readonly #announcements: Announcements;
  readonly #membership: Membership;
  readonly #tableEvents: TableEvents;
  readonly #tableGossip: TableGossip;
  readonly #bulkSync: BulkSync;
  readonly #early: EarlyEvents;
  readonly #rejoining: Rejoining;
  readonly #reaping: Reaping;

  /** `name` is the member's. */
  constructor(name: string, parameters: NetworkDbParameters, ports: NetworkDbPorts) {
    const context = new DbContext(name, parameters, ports);
    const networks = new Networks(context);
    const entries = new Entries(context, networks);
    const nodes = new Nodes(context, networks, entries);
    const announcements = new Announcements(context);
    const early = new EarlyEvents(context, networks, nodes);
    const tableEvents = new TableEvents(context, networks, entries, nodes, early);
    const bulkSync = new BulkSync(context, networks, nodes, tableEvents);
    this.counts = context.counts;
    this.#context = context;
    this.#networks = networks;
    this.#entries = entries;
    this.#nodes = nodes;
    this.#announcements = announcements;
    this.#membership = new Membership(context, networks, entries, nodes, announcements, early, tableEvents, bulkSync);
    this.#tableEvents = tableEvents;
    this.#tableGossip = new TableGossip(context, networks);
    this.#bulkSync = bulkSync;
    this.#early = early;
    this.#rejoining = new Rejoining(context, networks, nodes, announcements, bulkSync);
    this.#reaping = new Reaping(context, networks, entries, nodes);
  }

  /** Entries kept, deleted and hidden ones included. */
  get size(): number {
    return this.#entries.size;
  }

  /** Networks known, and those that this node is on. */
  networks(): string[] {
    return Array.from(this.#networks.values(), ({ id }) => id);
  }

  /** Ids of the networks that this node has joined. */
  ownNetworks(): string[] {
    return [...this.#networks.values()].filter(({ own }) => own?.leaving === false).map(({ id }) => id);
  }

  /** Names of the active nodes on a network, this one included. */
  nodesOf(networkId: string): string[] {
    const network = this.#networks.get(networkId);
    if (network === undefined) return [];
    const names = network.nodes().flatMap(({ node }) => (node.status === NodeStatus.Active ? [node.name] : []));
    if (network.own?.leaving === false) names.push(this.#context.name);
    return names;
  }

  /** Whether an active node is on a network. */
  isOnNetwork(networkId: string, nodeName: string): boolean {
    const network = this.#networks.get(networkId);
    if (nodeName === this.#context.name) return network?.own?.leaving === false;
    const attachment = network?.attachments.get(nodeName);
    return attachment?.leaving === false && attachment.node.status === NodeStatus.Active;
  }

  /** The entries of a table that watchers know. */
  *entries(networkId: string, tableName: string): Generator<TableEntry> {
    const table = this.#networks.get(networkId)?.tables.get(tableName);
    if (table === undefined) return;
    for (const entry of table.values()) {
      if (!entry.isVisible) continue;
      const { key, value, lTime } = entry.event;
      yield { key, value, lTime, owner: entry.owner.name };
    }
  }

  /** Number of entries of a network that watchers know, in all its tables. */
  entryCount(networkId: string): number {
    let count = 0;
    for (const table of this.#networks.get(networkId)?.tables.values() ?? []) {
      for (const entry of table.values()) if (entry.isVisible) count += 1;
    }
    return count;
  }

  /** The value of an entry that watchers know. */
  value(networkId: string, tableName: string, key: string): Uint8Array | undefined {
    const entry = this.#networks.get(networkId)?.get(tableName, key);
    return entry?.isVisible === true ? entry.event.value : undefined;
  }

  /** When {@link advance} is due. */
  get nextDeadline(): number {
    return Math.min(
      this.#tableGossip.nextDeadline,
      this.#bulkSync.nextDeadline,
      this.#early.nextDeadline,
      this.#reaping.nextDeadline,
      this.#rejoining.nextDeadline,
    );
  }

  /** Starts to gossip through a member. */
  start(cluster: Cluster, now: number): void {
    this.#tableGossip.start(cluster, now);
    this.#bulkSync.start(cluster, now);
    this.#early.start(cluster);
    this.#reaping.start(now);
    this.#rejoining.start(cluster, now);
  }

  /** Joins the cluster of these members, and again whenever none of them is in it. */
  join(endpoints: Iterable<GossipEndpoint>, now: number): void {
    this.#rejoining.join(endpoints, now);
  }

  /** Asks a node for the tables of the networks that both are on. Returns false if there are none, or no such node. */
  syncWith(nodeName: string, now: number): boolean {
    const node = this.#nodes.get(nodeName);
    if (node?.status !== NodeStatus.Active || node === this.#nodes.self) return false;
    const networks = this.#networks.common(node);
    if (networks.length === 0) return false;
    this.#bulkSync.sync(node, networks, now);
    return true;
  }

  /** Tells the cluster that this node leaves. The member's `leave` comes next. */
  leave(): void {
    this.#announcements.announceNode(MembershipEvent.Leave);
  }

  /** Joins a network. Throws if this node is on it. */
  joinNetwork(networkId: string, now: number): void {
    const network = this.#networks.open(networkId);
    if (network === undefined) throw new NetworkDbError('TABLE_FULL', 'There are too many networks.');
    if (network.own?.leaving === false) {
      throw new NetworkDbError('ALREADY_ON_NETWORK', 'This node is on the network already.');
    }
    const { retransmitMult, maxBroadcasts, ownEventsFirst } = this.#context.parameters;
    const lTime = this.#context.networkClock.increment();
    const own = (network.own ??= new OwnAttachment(lTime, retransmitMult, maxBroadcasts, ownEventsFirst));
    own.lTime = lTime;
    own.leaving = false;
    own.inSync = false;
    own.reapAt = Infinity;
    this.#announcements.announceNetwork(networkId, MembershipEvent.Join, lTime);
    this.#bulkSync.begin(network, own, now);
  }

  /** Leaves a network: its entries are forgotten, and this node's deleted. Throws if this node isn't on it. */
  leaveNetwork(networkId: string, now: number): void {
    const [network, own] = this.#ownNetwork(networkId);
    const lTime = this.#context.networkClock.increment();
    this.#announcements.announceNetwork(networkId, MembershipEvent.Leave, lTime);
    own.lTime = lTime;
    own.leaving = true;
    own.toSync.length = 0;
    own.reapAt = now + this.#context.parameters.reapNetworkTime;
    own.broadcasts.clear();
    own.relays.clear();
    this.#tableEvents.abandon(network, now);
  }

  /** Creates an entry that this node owns. Throws if there is one, or if this node isn't on the network. */
  createEntry(networkId: string, tableName: string, key: string, value: Uint8Array, now: number): void {
    const [network] = this.#ownNetwork(networkId);
    const old = network.get(tableName, key);
    if (old?.isVisible === true) throw new NetworkDbError('ENTRY_EXISTS', 'The entry exists already.');
    if (old === undefined && this.#entries.size >= this.#context.parameters.maxEntries) {
      throw new NetworkDbError('TABLE_FULL', 'There are too many entries.');
    }
    this.#tableEvents.publish(network, EntryEvent.Create, tableName, key, value, now);
  }

  /** Changes an entry, which becomes this node's. Throws if there is none. */
  updateEntry(networkId: string, tableName: string, key: string, value: Uint8Array, now: number): void {
    const [network] = this.#ownNetwork(networkId);
    liveEntry(network, tableName, key);
    this.#tableEvents.publish(network, EntryEvent.Update, tableName, key, value, now);
  }

  /** Deletes an entry. Throws if there is none. */
  deleteEntry(networkId: string, tableName: string, key: string, now: number): void {
    const [network] = this.#ownNetwork(networkId);
    const { value } = liveEntry(network, tableName, key).event;
    this.#tableEvents.publish(network, EntryEvent.Delete, tableName, key, value, now);
  }

  /** A member joined, or came back. */
  joined(peer: Peer, now: number): void {
    this.#nodes.joined(peer, now);
    this.#membership.joined(peer.name, now);
  }

  /** A member left or failed. */
  gone(peer: Peer, now: number): void {
    this.#nodes.gone(peer, now);
    this.#early.gone(peer.name);
  }

  takeBroadcasts(overhead: number, limit: number, into: UserData[]): void {
    this.#announcements.take(overhead, limit, this.#nodes.active, into);
  }

  /** Takes a message that arrived. */
  receive(data: UserData, now: number): void {
    switch (data.type) {
      case GossipType.NodeEvent:
        this.#membership.receiveNodeEvent(data, now);
        break;
      case GossipType.NetworkEvent:
        this.#membership.receiveNetworkEvent(data, now);
        break;
      case GossipType.TableEvent:
        this.#tableEvents.receive(data, false, now);
        break;
      case GossipType.Compound:
        for (const event of data.events) this.#tableEvents.receive(event, false, now);
        break;
      case GossipType.BulkSync:
        this.#bulkSync.receive(data, now);
        break;
    }
  }

  state(join: boolean): UserState {
    return this.#membership.state(join);
  }

  /** Takes what another member's push/pull says. */
  merge(state: UserState, _join: boolean, now: number): void {
    this.#membership.merge(state, now);
  }

  /** Does what is due. */
  advance(now: number): void {
    this.#tableGossip.advance(now);
    this.#bulkSync.advance(now);
    this.#early.advance(now);
    this.#reaping.advance(now);
    this.#rejoining.advance(now);
  }

  #ownNetwork(networkId: string): [Network, OwnAttachment] {
    const network = this.#networks.get(networkId);
    if (network?.own?.leaving !== false) throw new NetworkDbError('NOT_ON_NETWORK', 'This node is not on the network.');
    return [network, network.own];
  }
}

function liveEntry(network: Network, tableName: string, key: string): Entry {
  const entry = network.get(tableName, key);
  if (entry?.isVisible !== true) throw new NetworkDbError('UNKNOWN_ENTRY', 'There is no such entry.');
  return entry;
}
