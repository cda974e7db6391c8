import { type UserState } from '../user-data.js';
import { GossipType, MembershipEvent, type NetworkEntry, type NetworkEvent, type NodeEvent } from '../wire/messages.js';
import { type Announcements } from './announcements.js';
import { type BulkSync } from './bulk-sync.js';
import { type DbContext } from './context.js';
import { NodeStatus } from './db-node.js';
import { type EarlyEvents } from './early-events.js';
import { type Entries } from './entries.js';
import { type Network, type OwnAttachment } from './network.js';
import { type Networks } from './networks.js';
import { type Nodes } from './nodes.js';
import { type TableEvents } from './table-events.js';

/** Which nodes are in the cluster and on which networks, as events and push/pulls say. */
export class Membership {
  readonly #context: DbContext;
  readonly #networks: Networks;
  readonly #entries: Entries;
  readonly #nodes: Nodes;
  readonly #announcements: Announcements;
  readonly #early: EarlyEvents;
  readonly #tableEvents: TableEvents;
  readonly #bulkSync: BulkSync;

  constructor(
    context: DbContext,
    networks: Networks,
    entries: Entries,
    nodes: Nodes,
    announcements: Announcements,
    early: EarlyEvents,
    tableEvents: TableEvents,
    bulkSync: BulkSync,
  ) {
    this.#context = context;
    this.#networks = networks;
    this.#entries = entries;
    this.#nodes = nodes;
    this.#announcements = announcements;
    this.#early = early;
    this.#tableEvents = tableEvents;
    this.#bulkSync = bulkSync;
  }

  /** Takes an event about a node, and passes it on if it is news. */
  receiveNodeEvent(event: NodeEvent, now: number): void {
    if (this.#nodeEvent(event, now)) this.#announcements.relayNode(event);
  }

  /** Takes an event about a node and a network, and passes it on if it is news. */
  receiveNetworkEvent(message: NetworkEvent, now: number): void {
    const { nodeName, networkId, lTime, event } = message;
    const isNews = this.#networkEvent(nodeName, networkId, lTime, event === MembershipEvent.Leave, now);
    if (isNews) this.#announcements.relayNetwork(message);
    const isEarly = !isNews && nodeName !== this.#context.name && this.#nodes.get(nodeName) === undefined;
    if (isEarly) this.#early.keep(message, now);
  }

  /** A node is now known to be a member: takes what it was heard of before. */
  joined(nodeName: string, now: number): void {
    if (this.#nodes.get(nodeName)?.status !== NodeStatus.Active) return;
    for (const event of this.#early.ofNode(nodeName, now)) this.receiveNetworkEvent(event, now);
  }

  /** What a push/pull says. */
  state(join: boolean): UserState {
    const { name, networkClock } = this.#context;
    // A higher time makes the other node take back a departure that it may have heard of.
    const raised = join ? networkClock.increment() : undefined;
    const networks: NetworkEntry[] = [];
    for (const network of this.#networks.values()) {
      const { own } = network;
      if (own !== undefined) {
        own.lTime = raised ?? own.lTime;
        const { lTime, leaving } = own;
        networks.push({ networkId: network.id, lTime, nodeName: name, leaving });
      }
      for (const attachment of network.attachments.values()) networks.push(attachment.record);
    }
    return { type: GossipType.PushPull, lTime: networkClock.time, networks, nodeName: name };
  }

  /** Takes what another member's push/pull says. */
  merge({ lTime, nodeName, networks }: UserState, now: number): void {
    this.#nodeEvent({ type: GossipType.NodeEvent, event: MembershipEvent.Join, lTime, nodeName }, now);
    for (const network of networks) {
      this.#networkEvent(network.nodeName, network.networkId, network.lTime, network.leaving, now);
    }
  }

  #nodeEvent({ event, lTime, nodeName }: NodeEvent, now: number): boolean {
    const { name, networkClock } = this.#context;
    if (!this.#context.witness(networkClock, lTime)) return false;
    const node = this.#nodes.get(nodeName);
    if (node === undefined || node.lTime >= lTime) return false;
    node.lTime = lTime;
    if (event === MembershipEvent.Join) {
      // A node that isn't a member can't be taken back: its end would not be noticed.
      if (node.status !== NodeStatus.Active && !node.peer.isGone) this.#nodes.joined(node.peer, now);
      return false;
    }
    if (node.status !== NodeStatus.Active || nodeName === name) return false;
    this.#nodes.end(node, NodeStatus.Left, now);
    return true;
  }

  #networkEvent(nodeName: string, networkId: string, lTime: number, leaves: boolean, now: number): boolean {
    const { name, parameters, counts, networkClock } = this.#context;
    const network = this.#networks.get(networkId);
    const attachment = network?.attachments.get(nodeName);
    if (attachment !== undefined && attachment.lTime >= lTime) return false;
    if (!this.#context.witness(networkClock, lTime)) return false;
    if (nodeName === name) {
      if (parameters.refuteOwnEntries) this.#refute(networkId, network?.own, lTime, leaves);
      return false;
    }
    if (network !== undefined && attachment !== undefined) {
      attachment.lTime = lTime;
      if (attachment.leaving !== leaves) network.departed += leaves ? 1 : -1;
      attachment.leaving = leaves;
      if (leaves) {
        attachment.reapAt = now + parameters.reapNetworkTime;
        this.#entries.removeOf(attachment.node, network);
        network.exit(attachment);
      } else {
        network.enter(attachment);
        this.#attached(network, nodeName, now);
      }
      return true;
    }
    if (leaves) return false;
    const node = this.#nodes.get(nodeName);
    if (node?.status !== NodeStatus.Active) {
      counts.unknownNodes += 1;
      return false;
    }
    if (!this.#networks.attach(node, networkId, lTime)) return false;
    const joined = this.#networks.get(networkId);
    if (joined !== undefined) this.#attached(joined, nodeName, now);
    return true;
  }

  #attached(network: Network, nodeName: string, now: number): void {
    if (network.own === undefined || network.own.leaving) return;
    this.#tableEvents.attached(network.id, nodeName, now);
    this.#bulkSync.attached(network, now);
  }

  /** Others have this node on a network that it isn't on, or the other way round. */
  #refute(networkId: string, own: OwnAttachment | undefined, lTime: number, leaves: boolean): void {
    const isOn = own?.leaving === false;
    if (isOn !== leaves || lTime < (own?.lTime ?? 0)) return;
    const newer = this.#context.networkClock.increment();
    if (own !== undefined) own.lTime = newer;
    this.#context.counts.refutedEntries += 1;
    this.#announcements.announceNetwork(networkId, isOn ? MembershipEvent.Join : MembershipEvent.Leave, newer);
  }
}
