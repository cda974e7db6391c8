import { BroadcastQueue } from '../broadcast-queue.js';
import { VtepError } from '../../error.js';
import { type GossipEndpoint } from '../member/endpoint.js';
import { type MemberUser } from '../member/output.js';
import { type Peer } from '../member/peer.js';
import { GOSSIP_HEADER_BYTES, GOSSIP_PART_BYTES, gossipBytes } from '../message-size.js';
import { nextTick } from '../ticker.js';
import { type Random, randomInteger, shuffle } from '../random.js';
import { type BulkSyncEntries, type UserData, type UserState } from '../user-data.js';
import {
  EntryEvent,
  GossipType,
  MembershipEvent,
  type NetworkEntry,
  type NetworkEvent,
  NodeState,
  type NodeEvent,
  type TableEvent,
} from '../wire/messages.js';
import { NetworkDbCounts } from './counts.js';
import { DbNode, Entry, NodeStatus, endpointKey } from './db-node.js';
import { LamportClock } from './lamport-clock.js';
import { Attachment, Network, OwnAttachment } from './network.js';
import { type NetworkDbParameters } from './parameters.js';
import { type TableChange, type TableEntry } from './table-change.js';

/** What can be wrong with a call of NetworkDB. */
export type NetworkDbErrorCode =
  /** This node isn't on the network, or already is. */
  | 'NOT_ON_NETWORK'
  | 'ALREADY_ON_NETWORK'
  /** No entry has this key, or one already does. */
  | 'UNKNOWN_ENTRY'
  | 'ENTRY_EXISTS'
  /** A table has no room for more. */
  | 'TABLE_FULL';

/** An error of NetworkDB: always the caller's mistake, never a message's. */
export class NetworkDbError extends VtepError<NetworkDbErrorCode> {}

/** What NetworkDB needs of the member below it; a {@link Member} is one. */
export interface Cluster {
  /** Sends a message in a packet, which may get lost. */
  sendUser(to: Peer, data: UserData): void;
  /** Sends a message by a stream; `done` says whether it got there. */
  sendReliably(to: GossipEndpoint, data: UserData, now: number, done?: (succeeded: boolean, now: number) => void): void;
  /** Exchanges the state with one of these. */
  join(endpoints: Iterable<GossipEndpoint>, now: number, done?: (succeeded: boolean, now: number) => void): void;
}

/** What NetworkDB needs from outside. */
export interface NetworkDbPorts {
  readonly random: Random;
  /** Is called for each change of a table that watchers see. It must not call NetworkDB back. */
  readonly changed: (change: TableChange) => void;
}

/** A residual time that is worth passing on: a share of the whole, so that no deletion goes round for ever. */
const REBROADCAST_SHARE = 6;

const MILLISECONDS = 1000;

/** Changes of a value, as opposed to its creation and deletion. */
const CHANGE_KINDS = { create: EntryEvent.Create, update: EntryEvent.Update, delete: EntryEvent.Delete } as const;

/**
 * Docker's NetworkDB: tables of a swarm's networks that all nodes on a network share, on top of a {@link Member}.
 *
 * Nodes own the entries that they create. Changes are gossiped among the nodes of a network, ordered by a Lamport
 * clock, and repaired by exchanging whole tables now and then. Like the member, it has no clock or sockets.
 */
export class NetworkDb implements MemberUser {
  readonly counts = new NetworkDbCounts();
  readonly #name: string;
  readonly #parameters: NetworkDbParameters;
  readonly #random: Random;
  readonly #changed: (change: TableChange) => void;
  readonly #networkClock = new LamportClock();
  readonly #tableClock = new LamportClock();
  readonly #nodes = new Map<string, DbNode>();
  readonly #byEndpoint = new Map<number | string, DbNode>();
  readonly #networks = new Map<string, Network>();
  readonly #failed: DbNode[] = [];
  readonly #networkBroadcasts: BroadcastQueue<NetworkEvent>;
  readonly #nodeBroadcasts: BroadcastQueue<NodeEvent>;
  /** Exchanges whose other half is waited for, by node. */
  readonly #awaited = new Map<string, { readonly deadline: number; readonly network: Network | undefined }>();
  readonly #picked: DbNode[] = [];
  #cluster: Cluster | undefined;
  #bootstrap: readonly GossipEndpoint[] = [];
  #active = 0;
  #attachments = 0;
  #entries = 0;
  #gossipAt = Infinity;
  #bulkSyncAt = Infinity;
  #reapAt = Infinity;
  #reapNodesAt = Infinity;
  #reconnectAt = Infinity;
  #rejoinAt = Infinity;
  /** No awaited exchange is given up before this. */
  #awaitedAt = Infinity;

  /** `name` is the member's. */
  constructor(name: string, parameters: NetworkDbParameters, ports: NetworkDbPorts) {
    this.#name = name;
    this.#parameters = parameters;
    this.#random = ports.random;
    this.#changed = ports.changed;
    this.#networkBroadcasts = new BroadcastQueue(parameters.retransmitMult, parameters.maxBroadcasts);
    this.#nodeBroadcasts = new BroadcastQueue(parameters.retransmitMult, parameters.maxBroadcasts);
  }

  /** Entries kept, deleted and hidden ones included. */
  get size(): number {
    return this.#entries;
  }

  /** Networks known, and those that this node is on. */
  networks(): string[] {
    return [...this.#networks.keys()];
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
    if (network.own?.leaving === false) names.push(this.#name);
    return names;
  }

  /** Whether an active node is on a network. */
  isOnNetwork(networkId: string, nodeName: string): boolean {
    const network = this.#networks.get(networkId);
    if (nodeName === this.#name) return network?.own?.leaving === false;
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

  /** The value of an entry that watchers know. */
  value(networkId: string, tableName: string, key: string): Uint8Array | undefined {
    const entry = this.#networks.get(networkId)?.get(tableName, key);
    return entry?.isVisible === true ? entry.event.value : undefined;
  }

  /** When {@link advance} is due. */
  get nextDeadline(): number {
    const reconnectAt = this.#failed.length > 0 ? this.#reconnectAt : Infinity;
    const next = Math.min(this.#gossipAt, this.#bulkSyncAt, this.#reapAt, this.#rejoinAt);
    return Math.min(next, this.#reapNodesAt, reconnectAt, this.#awaitedAt);
  }

  /** Starts to gossip through a member. */
  start(cluster: Cluster, now: number): void {
    this.#cluster = cluster;
    const { gossipInterval, bulkSyncInterval, reapInterval, reapNodeInterval, reconnectInterval, rejoinInterval } =
      this.#parameters;
    this.#gossipAt = now + gossipInterval * (0.001 + this.#random());
    this.#bulkSyncAt = now + bulkSyncInterval * (0.001 + this.#random());
    this.#reapAt = now + reapInterval * (0.001 + this.#random());
    this.#reapNodesAt = now + reapNodeInterval * (0.001 + this.#random());
    this.#reconnectAt = now + reconnectInterval * (0.001 + this.#random());
    this.#rejoinAt = now + rejoinInterval * (0.001 + this.#random());
  }

  /** Joins the cluster of these members, and again whenever none of them is in it. */
  join(endpoints: Iterable<GossipEndpoint>, now: number): void {
    this.#bootstrap = [...endpoints];
    this.#joinCluster(this.#bootstrap, now);
  }

  /** Tells the cluster that this node leaves. The member's `leave` comes next. */
  leave(): void {
    this.#sendNodeEvent(MembershipEvent.Leave);
  }

  // This node's networks and entries.

  /** Joins a network. Throws if this node is on it. */
  joinNetwork(networkId: string, now: number): void {
    const network = this.#network(networkId);
    if (network === undefined) throw new NetworkDbError('TABLE_FULL', 'There are too many networks.');
    if (network.own?.leaving === false) {
      throw new NetworkDbError('ALREADY_ON_NETWORK', 'This node is on the network already.');
    }
    const { retransmitMult, maxBroadcasts, ownEventsFirst, joinSyncs } = this.#parameters;
    const lTime = this.#networkClock.increment();
    const own = (network.own ??= new OwnAttachment(lTime, retransmitMult, maxBroadcasts, ownEventsFirst));
    own.lTime = lTime;
    own.leaving = false;
    own.inSync = false;
    own.reapAt = Infinity;
    this.#sendNetworkEvent(networkId, MembershipEvent.Join, lTime);
    own.toSync.length = 0;
    for (const { node } of network.nodes()) if (node.status === NodeStatus.Active) own.toSync.push(node);
    shuffle(own.toSync, this.#random);
    if (own.toSync.length > joinSyncs) own.toSync.length = joinSyncs;
    this.#syncNext(network, own, now);
  }

  /** Leaves a network: its entries are forgotten, and this node's deleted. Throws if this node isn't on it. */
  leaveNetwork(networkId: string, now: number): void {
    const [network, own] = this.#ownNetwork(networkId);
    const { reapEntryTime, reapNetworkTime } = this.#parameters;
    const lTime = this.#networkClock.increment();
    this.#sendNetworkEvent(networkId, MembershipEvent.Leave, lTime);
    own.lTime = lTime;
    own.leaving = true;
    own.toSync.length = 0;
    own.reapAt = now + reapNetworkTime;
    own.broadcasts.clear();
    own.relays.clear();
    for (const table of [...network.tables.values()]) {
      for (const entry of [...table.values()]) {
        const wasVisible = entry.isVisible;
        const { event } = entry;
        if (entry.owner.name !== this.#name) {
          this.#remove(network, entry);
        } else if (!entry.isDeleted) {
          const time = this.#tableClock.increment();
          const deletion = {
            ...event,
            event: EntryEvent.Delete,
            lTime: time,
            residualReapTime: seconds(reapEntryTime),
          };
          entry.change(deletion, entry.owner, now + reapEntryTime);
          network.tombstones.add(entry);
        }
        if (wasVisible) this.#report('deleted', event, entry.owner.name, event.value);
      }
    }
  }

  /** Creates an entry that this node owns. Throws if there is one, or if this node isn't on the network. */
  createEntry(networkId: string, tableName: string, key: string, value: Uint8Array, now: number): void {
    const [network] = this.#ownNetwork(networkId);
    const old = network.get(tableName, key);
    if (old?.isVisible === true) throw new NetworkDbError('ENTRY_EXISTS', 'The entry exists already.');
    if (old === undefined && this.#entries >= this.#parameters.maxEntries) {
      throw new NetworkDbError('TABLE_FULL', 'There are too many entries.');
    }
    this.#publish(network, 'create', tableName, key, value, now);
  }

  /** Changes an entry, which becomes this node's. Throws if there is none. */
  updateEntry(networkId: string, tableName: string, key: string, value: Uint8Array, now: number): void {
    const [network] = this.#ownNetwork(networkId);
    this.#liveEntry(network, tableName, key);
    this.#publish(network, 'update', tableName, key, value, now);
  }

  /** Deletes an entry. Throws if there is none. */
  deleteEntry(networkId: string, tableName: string, key: string, now: number): void {
    const [network] = this.#ownNetwork(networkId);
    const { value } = this.#liveEntry(network, tableName, key).event;
    this.#publish(network, 'delete', tableName, key, value, now);
  }

  // What the member tells.

  /** A member joined, or came back. */
  joined(peer: Peer, now: number): void {
    const known = this.#nodes.get(peer.name);
    if (this.#isFormerSelf(peer)) {
      // Not one to displace this node, nor to be on networks.
      if (known !== undefined || this.#nodes.size >= this.#parameters.maxNodes) return;
      const former = new DbNode(peer);
      former.status = NodeStatus.Left;
      former.reapAt = now + this.#parameters.reapNodeTime;
      this.#nodes.set(peer.name, former);
      return;
    }
    if (known !== undefined) {
      this.#byEndpoint.delete(endpointKey(known.peer.endpoint));
      known.peer = peer;
      this.#replaceAt(known, now);
      if (known.status === NodeStatus.Active) return;
      this.#forgetFailure(known);
      known.status = NodeStatus.Active;
      known.reapAt = Infinity;
      this.#active += 1;
      for (let entry = known.entries; entry !== undefined; entry = entry.next) {
        if (entry.isVisible) this.#report('created', entry.event, known.name, undefined);
      }
      return;
    }
    if (this.#nodes.size >= this.#parameters.maxNodes) {
      this.counts.refusedNodes += 1;
      return;
    }
    const node = new DbNode(peer);
    this.#replaceAt(node, now);
    this.#nodes.set(peer.name, node);
    this.#active += 1;
  }

  /** A member left or failed. */
  gone(peer: Peer, now: number): void {
    const node = this.#nodes.get(peer.name);
    if (node?.status !== NodeStatus.Active) return;
    this.#end(node, peer.state === NodeState.Left ? NodeStatus.Left : NodeStatus.Failed, now);
    // If stale news of this node had displaced its successor, that one is back.
    const { displaced } = node;
    node.displaced = undefined;
    if (displaced !== undefined && !displaced.peer.isGone && this.#nodes.has(displaced.name)) {
      this.joined(displaced.peer, now);
    }
  }

  takeBroadcasts(overhead: number, limit: number, into: UserData[]): void {
    const used = this.#networkBroadcasts.take(overhead, limit, this.#active, into as NetworkEvent[]);
    this.#nodeBroadcasts.take(overhead, limit - used, this.#active, into as NodeEvent[]);
  }

  /** Takes a message that arrived. */
  receive(data: UserData, now: number): void {
    switch (data.type) {
      case GossipType.NodeEvent:
        if (this.#nodeEvent(data, now)) this.#nodeBroadcasts.push(undefined, data, gossipBytes(data));
        break;
      case GossipType.NetworkEvent:
        if (this.#networkEvent(data.nodeName, data.networkId, data.lTime, data.event === MembershipEvent.Leave, now)) {
          this.#queueNetworkEvent(data);
        }
        break;
      case GossipType.TableEvent:
        this.#receiveTableEvent(data, false, now);
        break;
      case GossipType.Compound:
        for (const event of data.events) this.#receiveTableEvent(event, false, now);
        break;
      case GossipType.BulkSync:
        this.#receiveBulkSync(data, now);
        break;
    }
  }

  state(join: boolean): UserState {
    // A higher time makes the other node take back a departure that it may have heard of.
    const raised = join ? this.#networkClock.increment() : undefined;
    const networks: NetworkEntry[] = [];
    for (const network of this.#networks.values()) {
      const { own } = network;
      if (own !== undefined) {
        own.lTime = raised ?? own.lTime;
        const { lTime, leaving } = own;
        networks.push({ networkId: network.id, lTime, nodeName: this.#name, leaving });
      }
      for (const attachment of network.attachments.values()) networks.push(attachment.record);
    }
    return { type: GossipType.PushPull, lTime: this.#networkClock.time, networks, nodeName: this.#name };
  }

  /** Takes what another member's push/pull says. */
  merge(state: UserState, _join: boolean, now: number): void {
    const { lTime, nodeName } = state;
    this.#nodeEvent({ type: GossipType.NodeEvent, event: MembershipEvent.Join, lTime, nodeName }, now);
    for (const network of state.networks) {
      this.#networkEvent(network.nodeName, network.networkId, network.lTime, network.leaving, now);
    }
  }

  /** Does what is due. */
  advance(now: number): void {
    if (now >= this.#gossipAt) {
      this.#gossipAt = nextTick(this.#gossipAt, this.#parameters.gossipInterval, now);
      this.#gossip();
    }
    if (now >= this.#awaitedAt) this.#giveUp(now);
    if (now >= this.#bulkSyncAt) {
      this.#bulkSyncAt = nextTick(this.#bulkSyncAt, this.#parameters.bulkSyncInterval, now);
      this.#bulkSyncAll(now);
    }
    if (now >= this.#reapAt) {
      this.#reapAt = nextTick(this.#reapAt, this.#parameters.reapInterval, now);
      this.#reap(now);
    }
    if (now >= this.#reapNodesAt) {
      this.#reapNodesAt = nextTick(this.#reapNodesAt, this.#parameters.reapNodeInterval, now);
      this.#reapNodes(now);
    }
    if (now >= this.#reconnectAt) {
      this.#reconnectAt = nextTick(this.#reconnectAt, this.#parameters.reconnectInterval, now);
      this.#reconnect(now);
    }
    if (now >= this.#rejoinAt) {
      this.#rejoinAt = nextTick(this.#rejoinAt, this.#parameters.rejoinInterval, now);
      this.#rejoin(now);
    }
  }

  // Nodes.

  /** Whether a member is this one's address under another name: what was there before a restart. */
  #isFormerSelf({ name, endpoint }: Peer): boolean {
    return name !== this.#name && this.#byEndpoint.get(endpointKey(endpoint))?.name === this.#name;
  }

  /** A member at the address of another one has taken its place. */
  #replaceAt(node: DbNode, now: number): void {
    const key = endpointKey(node.peer.endpoint);
    const other = this.#byEndpoint.get(key);
    if (other !== undefined && other !== node && other.status !== NodeStatus.Left) {
      if (other.status === NodeStatus.Active) node.displaced = other;
      this.#end(other, NodeStatus.Left, now);
    }
    this.#byEndpoint.set(key, node);
  }

  #end(node: DbNode, status: NodeStatus, now: number): void {
    const wasActive = node.status === NodeStatus.Active;
    if (wasActive) this.#active -= 1;
    else this.#forgetFailure(node);
    const isKept = status === NodeStatus.Failed && this.#parameters.failedOwner === 'hide';
    if (wasActive) {
      for (let entry = node.entries; entry !== undefined; entry = entry.next) {
        if (entry.isVisible) this.#report('deleted', entry.event, node.name, entry.event.value);
      }
    }
    node.status = status;
    if (node.reapAt === Infinity) node.reapAt = now + this.#parameters.reapNodeTime;
    if (!isKept) this.#removeEntriesOf(node);
    if (status === NodeStatus.Failed) this.#failed.push(node);
    if (status === NodeStatus.Left || this.#parameters.failedOwner === 'detach') this.#detach(node);
  }

  #forgetFailure(node: DbNode): void {
    const at = this.#failed.indexOf(node);
    if (at >= 0) this.#failed.splice(at, 1);
  }

  #detach(node: DbNode): void {
    for (const network of this.#networks.values()) {
      const attachment = network.attachments.get(node.name);
      if (attachment !== undefined) this.#forgetAttachment(network, attachment);
    }
  }

  #nodeEvent({ event, lTime, nodeName }: NodeEvent, now: number): boolean {
    if (!this.#witness(this.#networkClock, lTime)) return false;
    const node = this.#nodes.get(nodeName);
    if (node === undefined || node.lTime >= lTime) return false;
    node.lTime = lTime;
    if (event === MembershipEvent.Join) {
      // A node that isn't a member can't be taken back: its end would not be noticed.
      if (node.status !== NodeStatus.Active && !node.peer.isGone) this.joined(node.peer, now);
      return false;
    }
    if (node.status !== NodeStatus.Active || nodeName === this.#name) return false;
    this.#end(node, NodeStatus.Left, now);
    return true;
  }

  #networkEvent(nodeName: string, networkId: string, lTime: number, leaves: boolean, now: number): boolean {
    const network = this.#networks.get(networkId);
    const attachment = network?.attachments.get(nodeName);
    if (attachment !== undefined && attachment.lTime >= lTime) return false;
    if (!this.#witness(this.#networkClock, lTime)) return false;
    if (nodeName === this.#name) {
      if (this.#parameters.refuteOwnEntries) this.#refuteAttachment(networkId, network?.own, lTime, leaves);
      return false;
    }
    if (network !== undefined && attachment !== undefined) {
      attachment.lTime = lTime;
      if (attachment.leaving !== leaves) network.departed += leaves ? 1 : -1;
      attachment.leaving = leaves;
      if (leaves) {
        attachment.reapAt = now + this.#parameters.reapNetworkTime;
        this.#removeEntriesOf(attachment.node, network);
        network.exit(attachment);
      } else {
        network.enter(attachment);
      }
      return true;
    }
    if (leaves) return false;
    const node = this.#nodes.get(nodeName);
    if (node?.status !== NodeStatus.Active) {
      this.counts.unknownNodes += 1;
      return false;
    }
    return this.#attach(node, networkId, lTime);
  }

  /** Others have this node on a network that it isn't on, or the other way round. */
  #refuteAttachment(networkId: string, own: OwnAttachment | undefined, lTime: number, leaves: boolean): void {
    const isOn = own?.leaving === false;
    if (isOn !== leaves || lTime < (own?.lTime ?? 0)) return;
    const newer = this.#networkClock.increment();
    if (own !== undefined) own.lTime = newer;
    this.counts.refutedEntries += 1;
    this.#sendNetworkEvent(networkId, isOn ? MembershipEvent.Join : MembershipEvent.Leave, newer);
  }

  #attach(node: DbNode, networkId: string, lTime: number): boolean {
    if (this.#attachments >= this.#parameters.maxAttachments) {
      this.counts.refusedAttachments += 1;
      return false;
    }
    const network = this.#network(networkId);
    if (network === undefined) {
      this.counts.refusedNetworks += 1;
      return false;
    }
    const attachment = new Attachment(node, networkId, lTime);
    network.attachments.set(node.name, attachment);
    network.enter(attachment);
    this.#attachments += 1;
    return true;
  }

  #forgetAttachment(network: Network, attachment: Attachment): void {
    if (attachment.leaving) network.departed -= 1;
    network.exit(attachment);
    network.attachments.delete(attachment.node.name);
    this.#attachments -= 1;
    this.#dropIfUnused(network);
  }

  #dropIfUnused(network: Network): void {
    if (network.own === undefined && network.attachments.size === 0) this.#networks.delete(network.id);
  }

  #network(networkId: string): Network | undefined {
    const known = this.#networks.get(networkId);
    if (known !== undefined) return known;
    if (this.#networks.size >= this.#parameters.maxNetworks) return undefined;
    const network = new Network(networkId);
    this.#networks.set(networkId, network);
    return network;
  }

  // Table events.

  #receiveTableEvent(event: TableEvent, isBulkSync: boolean, now: number): void {
    const network = this.#networks.get(event.networkId);
    const own = network?.own;
    if (network === undefined || own === undefined || own.leaving) {
      this.counts.foreignNetworks += 1;
      return;
    }
    const old = network.get(event.tableName, event.key);
    // Nearly always nothing new, and then without more look-ups.
    if (old !== undefined && old.event.lTime >= event.lTime) {
      this.counts.staleEvents += 1;
      return;
    }
    if (!this.#witness(this.#tableClock, event.lTime)) return;
    if (event.nodeName === this.#name) {
      if (this.#parameters.refuteOwnEntries && own.inSync) this.#refuteEntry(network, old, event, now);
      return;
    }
    const attachment = network.attachments.get(event.nodeName);
    if (attachment === undefined || attachment.leaving) {
      this.counts.unknownOwners += 1;
      return;
    }
    if (!this.#store(network, old, event, attachment.node, isBulkSync, now)) return;
    if (!own.inSync || (isBulkSync && own.relays.length > this.#parameters.maxQueuedOnSync)) return;
    if (old === undefined && event.event === EntryEvent.Delete) {
      const { reapEntryTime } = this.#parameters;
      if (!isBulkSync || event.residualReapTime * MILLISECONDS <= reapEntryTime / REBROADCAST_SHARE) return;
    }
    own.relays.push(queueKey(event), event, gossipBytes(event));
  }

  /** Stores what an event says, and reports what changes for watchers. Returns false if it is refused. */
  #store(
    network: Network,
    old: Entry | undefined,
    event: TableEvent,
    owner: DbNode,
    isBulkSync: boolean,
    now: number,
  ): boolean {
    const deletes = event.event === EntryEvent.Delete;
    const { keepUnknownDeletes, maxEntries, reapEntryTime } = this.#parameters;
    // An engine that doesn't know residual times leaves them out.
    const residual = event.residualReapTime > 0 ? event.residualReapTime * MILLISECONDS : reapEntryTime;
    const reapAt = deletes ? now + Math.min(residual, reapEntryTime) : Infinity;
    const before = old?.isVisible === true ? old.event.value : undefined;
    let entry = old;
    if (entry === undefined) {
      if (deletes && !isBulkSync && !keepUnknownDeletes) return false;
      if (this.#entries >= maxEntries) {
        this.counts.refusedEntries += 1;
        return false;
      }
      entry = new Entry(event, owner, reapAt);
      network.set(event.tableName, event.key, entry);
      this.#entries += 1;
    } else {
      entry.change(event, owner, reapAt);
    }
    if (deletes) network.tombstones.add(entry);
    else network.tombstones.delete(entry);
    this.counts.tableEvents += 1;
    if (entry.isVisible) this.#report(before === undefined ? 'created' : 'updated', event, owner.name, before);
    else if (before !== undefined) this.#report('deleted', { ...event, value: before }, owner.name, before);
    return true;
  }

  /** Others have an entry of this node in a state that it doesn't have, or no longer has. */
  #refuteEntry(network: Network, old: Entry | undefined, event: TableEvent, now: number): void {
    const { tableName, key } = event;
    if (old !== undefined && old.owner.name !== this.#name) return;
    if (old === undefined || old.isDeleted) {
      if (event.event === EntryEvent.Delete) return;
      this.#publish(network, 'delete', tableName, key, event.value, now);
    } else {
      this.#publish(network, 'update', tableName, key, old.event.value, now);
    }
    this.counts.refutedEntries += 1;
  }

  #publish(
    network: Network,
    kind: keyof typeof CHANGE_KINDS,
    tableName: string,
    key: string,
    value: Uint8Array,
    now: number,
  ): void {
    const self = this.#nodes.get(this.#name);
    const { own } = network;
    if (self === undefined || own === undefined) return;
    const event: TableEvent = {
      type: GossipType.TableEvent,
      event: CHANGE_KINDS[kind],
      lTime: this.#tableClock.increment(),
      nodeName: this.#name,
      networkId: network.id,
      tableName,
      key,
      value,
      residualReapTime: kind === 'delete' ? seconds(this.#parameters.reapEntryTime) : 0,
    };
    if (this.#store(network, network.get(tableName, key), event, self, true, now)) {
      own.broadcasts.push(queueKey(event), event, gossipBytes(event));
    }
  }

  #ownNetwork(networkId: string): [Network, OwnAttachment] {
    const network = this.#networks.get(networkId);
    if (network?.own?.leaving !== false) throw new NetworkDbError('NOT_ON_NETWORK', 'This node is not on the network.');
    return [network, network.own];
  }

  #liveEntry(network: Network, tableName: string, key: string): Entry {
    const entry = network.get(tableName, key);
    if (entry?.isVisible !== true) throw new NetworkDbError('UNKNOWN_ENTRY', 'There is no such entry.');
    return entry;
  }

  #report(kind: TableChange['kind'], event: TableEvent, owner: string, previous: Uint8Array | undefined): void {
    const { networkId, tableName, key, value } = event;
    this.#changed({ kind, networkId, tableName, key, owner, value, previous });
  }

  #removeEntriesOf(node: DbNode, only?: Network): void {
    let entry = node.entries;
    while (entry !== undefined) {
      const { next, event, isVisible } = entry;
      const network = this.#networks.get(event.networkId);
      if (network !== undefined && (only === undefined || network === only)) {
        this.#remove(network, entry);
        if (isVisible) this.#report('deleted', event, node.name, event.value);
      }
      entry = next;
    }
  }

  #remove(network: Network, entry: Entry): void {
    network.remove(entry);
    this.#entries -= 1;
  }

  // Gossip and bulk sync.

  #gossip(): void {
    const { packetBytes, packetOverhead, gossipNodes } = this.#parameters;
    for (const network of this.#networks.values()) {
      const { own } = network;
      if (own === undefined || own.broadcasts.length + own.relays.length === 0) continue;
      const events: TableEvent[] = [];
      const limit = packetBytes - packetOverhead - GOSSIP_HEADER_BYTES;
      const used = own.broadcasts.take(GOSSIP_PART_BYTES, limit, network.size, events);
      if (own.relays !== own.broadcasts) own.relays.take(GOSSIP_PART_BYTES, limit - used, network.size, events);
      if (events.length === 0) continue;
      this.#picked.length = 0;
      network.pick(gossipNodes, this.#random, this.#picked);
      for (const node of this.#picked) this.#cluster?.sendUser(node.peer, { type: GossipType.Compound, events });
    }
  }

  #receiveBulkSync(sync: BulkSyncEntries, now: number): void {
    if (sync.lTime > 0 && !this.#witness(this.#tableClock, sync.lTime)) return;
    for (const event of sync.events) this.#receiveTableEvent(event, true, now);
    const node = this.#nodes.get(sync.nodeName);
    if (sync.unsolicited) {
      if (node?.status === NodeStatus.Active) this.#sendTables(node, sync.networks, false, now, undefined);
      return;
    }
    this.#endSync(sync.nodeName, now);
  }

  #sendTables(
    node: DbNode,
    networks: readonly string[],
    unsolicited: boolean,
    now: number,
    done: ((succeeded: boolean, now: number) => void) | undefined,
  ): void {
    const events: TableEvent[] = [];
    for (const id of networks) {
      const network = this.#networks.get(id);
      if (network?.own === undefined) continue;
      for (const table of network.tables.values()) {
        for (const { event, reapAt } of table.values()) {
          if (event.event === EntryEvent.Delete) {
            events.push({ ...event, residualReapTime: Math.max(1, seconds(reapAt - now)) });
          } else {
            events.push(event.event === EntryEvent.Create ? event : { ...event, event: EntryEvent.Create });
          }
        }
      }
    }
    const sync: BulkSyncEntries = {
      type: GossipType.BulkSync,
      lTime: this.#tableClock.time,
      unsolicited,
      nodeName: this.#name,
      networks,
      events,
    };
    this.#cluster?.sendReliably(node.peer.endpoint, sync, now, done);
  }

  /** Asks a node to exchange the tables of networks. */
  #sync(
    node: DbNode,
    networks: readonly string[],
    joined: Network | undefined,
    now: number,
    failed?: () => void,
  ): void {
    this.counts.bulkSyncs += 1;
    const deadline = now + this.#parameters.bulkSyncTimeout;
    this.#awaited.set(node.name, { deadline, network: joined });
    this.#awaitedAt = Math.min(this.#awaitedAt, deadline);
    this.#sendTables(node, networks, true, now, (succeeded, then) => {
      if (succeeded) return;
      this.#endSync(node.name, then);
      failed?.();
    });
  }

  #endSync(nodeName: string, now: number): void {
    const awaited = this.#awaited.get(nodeName);
    if (awaited === undefined) return;
    this.#awaited.delete(nodeName);
    const { network } = awaited;
    if (network?.own !== undefined) this.#syncNext(network, network.own, now);
  }

  #giveUp(now: number): void {
    this.#awaitedAt = Infinity;
    for (const [name, { deadline }] of this.#awaited) {
      if (now < deadline) {
        this.#awaitedAt = Math.min(this.#awaitedAt, deadline);
      } else {
        this.counts.unansweredSyncs += 1;
        this.#endSync(name, now);
      }
    }
  }

  /** Goes on with the exchanges after joining a network. */
  #syncNext(network: Network, own: OwnAttachment, now: number): void {
    if (own.inSync || own.leaving) return;
    for (let node = own.toSync.pop(); node !== undefined; node = own.toSync.pop()) {
      if (node.status !== NodeStatus.Active) continue;
      this.#sync(node, this.#common(node), network, now);
      return;
    }
    own.inSync = true;
  }

  #bulkSyncAll(now: number): void {
    const covered = new Set<string>();
    for (const network of this.#networks.values()) {
      if (network.own?.leaving !== false || covered.has(network.id)) continue;
      const picked: DbNode[] = [];
      network.pick(2, this.#random, picked);
      const node = picked.at(0);
      const second = picked.at(1);
      if (node === undefined) continue;
      const networks = this.#common(node);
      for (const id of networks) covered.add(id);
      this.#sync(node, networks, undefined, now, () => {
        if (second?.status === NodeStatus.Active) this.#sync(second, this.#common(second), undefined, now);
      });
    }
  }

  /** Networks that this node and another one are on. */
  #common(node: DbNode): string[] {
    const networks: string[] = [];
    for (const network of this.#networks.values()) {
      if (network.own?.leaving === false && network.attachments.get(node.name)?.leaving === false)
        networks.push(network.id);
    }
    return networks;
  }

  #reconnect(now: number): void {
    if (this.#failed.length === 0) return;
    const node = this.#failed[randomInteger(this.#random, this.#failed.length)];
    this.#joinCluster([node.peer.endpoint], now, (then) => {
      const networks = this.#common(node);
      if (node.status === NodeStatus.Active && networks.length > 0) this.#sync(node, networks, undefined, then);
    });
  }

  /** Joins the nodes given to `join` again if none of them is a member, so that clusters that started apart merge. */
  #rejoin(now: number): void {
    const self = this.#nodes.get(this.#name);
    for (const endpoint of this.#bootstrap) {
      const node = this.#byEndpoint.get(endpointKey(endpoint));
      if (node !== undefined && node !== self && node.status === NodeStatus.Active) return;
    }
    this.#joinCluster(this.#bootstrap, now);
  }

  #joinCluster(endpoints: readonly GossipEndpoint[], now: number, joined?: (now: number) => void): void {
    this.#cluster?.join(endpoints, now, (succeeded, then) => {
      if (!succeeded) return;
      this.#sendNodeEvent(MembershipEvent.Join);
      joined?.(then);
    });
  }

  #sendNodeEvent(event: MembershipEvent): void {
    const lTime = this.#networkClock.increment();
    const message: NodeEvent = { type: GossipType.NodeEvent, event, lTime, nodeName: this.#name };
    this.#nodeBroadcasts.push(this.#name, message, gossipBytes(message));
  }

  #sendNetworkEvent(networkId: string, event: MembershipEvent, lTime: number): void {
    this.#queueNetworkEvent({ type: GossipType.NetworkEvent, event, lTime, nodeName: this.#name, networkId });
  }

  #queueNetworkEvent(event: NetworkEvent): void {
    this.#networkBroadcasts.push(`${event.networkId}/${event.nodeName}`, event, gossipBytes(event));
  }

  #witness(clock: LamportClock, lTime: number): boolean {
    if (clock.witness(lTime)) return true;
    this.counts.impossibleTimes += 1;
    return false;
  }

  // Reaping.

  #reap(now: number): void {
    for (const network of this.#networks.values()) {
      for (const entry of network.tombstones) if (now >= entry.reapAt) this.#remove(network, entry);
      if (network.departed > 0) {
        for (const attachment of network.attachments.values()) {
          if (attachment.leaving && now >= attachment.reapAt) this.#forgetAttachment(network, attachment);
        }
      }
      if (network.own?.leaving === true && now >= network.own.reapAt) {
        for (const table of [...network.tables.values()]) {
          for (const entry of [...table.values()]) this.#remove(network, entry);
        }
        network.own = undefined;
        this.#dropIfUnused(network);
      }
    }
  }

  #reapNodes(now: number): void {
    for (const node of this.#nodes.values()) {
      if (node.status === NodeStatus.Active || now < node.reapAt) continue;
      this.#forgetFailure(node);
      this.#removeEntriesOf(node);
      this.#detach(node);
      this.#nodes.delete(node.name);
      const key = endpointKey(node.peer.endpoint);
      if (this.#byEndpoint.get(key) === node) this.#byEndpoint.delete(key);
    }
  }
}

function queueKey({ tableName, key }: TableEvent): string {
  return `${tableName}/${key}`;
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / MILLISECONDS);
}
