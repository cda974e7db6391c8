import { BroadcastQueue } from '../broadcast-queue.js';
import { gossipBytes } from '../message-size.js';
import { type UserData } from '../user-data.js';
import { GossipType, type MembershipEvent, type NetworkEvent, type NodeEvent } from '../wire/messages.js';
import { type DbContext } from './context.js';

/** Events about nodes and networks that are passed on in memberlist's packets: this node's and others'. */
export class Announcements {
  readonly #context: DbContext;
  readonly #networkEvents: BroadcastQueue<NetworkEvent>;
  readonly #nodeEvents: BroadcastQueue<NodeEvent>;

  constructor(context: DbContext) {
    const { retransmitMult, maxBroadcasts } = context.parameters;
    this.#context = context;
    this.#networkEvents = new BroadcastQueue(retransmitMult, maxBroadcasts);
    this.#nodeEvents = new BroadcastQueue(retransmitMult, maxBroadcasts);
  }

  /** Appends events for a packet, in a cluster of `nodes`: as many as fit in `limit` bytes with `overhead` each. */
  take(overhead: number, limit: number, nodes: number, into: UserData[]): void {
    const used = this.#networkEvents.take(overhead, limit, nodes, into as NetworkEvent[]);
    this.#nodeEvents.take(overhead, limit - used, nodes, into as NodeEvent[]);
  }

  /** Says that this node is in the cluster, or leaves it. */
  announceNode(event: MembershipEvent): void {
    const { name, networkClock } = this.#context;
    const lTime = networkClock.increment();
    const message: NodeEvent = { type: GossipType.NodeEvent, event, lTime, nodeName: name };
    this.#nodeEvents.push(name, message, gossipBytes(message));
  }

  /** Says that this node is on a network, or leaves it. */
  announceNetwork(networkId: string, event: MembershipEvent, lTime: number): void {
    this.relayNetwork({ type: GossipType.NetworkEvent, event, lTime, nodeName: this.#context.name, networkId });
  }

  /** Passes on another node's event. */
  relayNode(event: NodeEvent): void {
    this.#nodeEvents.push(undefined, event, gossipBytes(event));
  }

  /** Passes on an event about a network, instead of an older one of the same node. */
  relayNetwork(event: NetworkEvent): void {
    this.#networkEvents.push(`${event.networkId}/${event.nodeName}`, event, gossipBytes(event));
  }
}
