import { gossipBytes } from '../message-size.js';
import { GossipType, type NetworkEvent, type TableEvent } from '../wire/messages.js';
import { type Cluster } from './cluster.js';
import { type DbContext } from './context.js';
import { type DbNode, NodeStatus } from './db-node.js';
import { type Networks } from './networks.js';
import { type Nodes } from './nodes.js';

type EarlyEvent = TableEvent | NetworkEvent;

/** For how long events are kept, in milliseconds: as long as until the next full exchange of tables. */
const KEPT_TIME = 30_000;

/** What is kept at most: beyond, what has waited longest is dropped. */
const MAX_EVENTS = 4096;
const MAX_BYTES = 1 << 20;

/** How long gossip has to bring what is missing before a node is asked, in milliseconds; half of it is random. */
const PATIENCE = 4000;

/** Shortest time between two questions, in milliseconds. */
const ASK_INTERVAL = 1000;

/** The events of a node that wait for the same news. */
interface Early {
  readonly nodeName: string;
  /** The network that the node isn't known to be on; undefined if it isn't known to be a member. */
  readonly networkId: string | undefined;
  readonly events: Map<string, EarlyEvent>;
  readonly askAt: number;
  readonly keptUntil: number;
  isAsked: boolean;
}

/**
 * Events that arrived before the news that they depend on: table events before their owner is known to be on the
 * network, and network events before the node is known to be a member. While nodes start together, one can overtake the
 * other. It can also be missed for good, since a node that knows few others passes its news on only a few times. So the
 * owner of waiting table events is asked for its state after a while.
 */
export class EarlyEvents {
  /** When {@link advance} is due. */
  nextDeadline = Infinity;
  readonly #context: DbContext;
  readonly #networks: Networks;
  readonly #nodes: Nodes;
  /** What has waited longest first. */
  readonly #waiting = new Map<string, Early>();
  #cluster: Cluster | undefined;
  #length = 0;
  #bytes = 0;

  constructor(context: DbContext, networks: Networks, nodes: Nodes) {
    this.#context = context;
    this.#networks = networks;
    this.#nodes = nodes;
  }

  /** Events kept. */
  get length(): number {
    return this.#length;
  }

  start(cluster: Cluster): void {
    this.#cluster = cluster;
  }

  /** Keeps an event. A newer one about the same replaces it. */
  keep(event: EarlyEvent, now: number): void {
    if (!this.#context.parameters.catchUp) return;
    const bytes = gossipBytes(event);
    const node = this.#nodes.get(event.nodeName);
    // What is still heard of one that is gone is old.
    if (bytes > MAX_BYTES || (node !== undefined && node.status !== NodeStatus.Active)) return;
    const early = this.#earlyOf(event, now);
    const key = event.type === GossipType.TableEvent ? `${event.tableName}/${event.key}` : event.networkId;
    const old = early.events.get(key);
    if (old !== undefined) {
      if (old.lTime >= event.lTime) return;
      this.#bytes -= gossipBytes(old);
      this.#length -= 1;
    }
    early.events.set(key, event);
    this.#bytes += bytes;
    this.#length += 1;
    for (const [name, first] of this.#waiting) {
      if (this.#length <= MAX_EVENTS && this.#bytes <= MAX_BYTES) return;
      this.#drop(name, first);
    }
  }

  /** The table events of a node on a network, which is now known to be on it. They are kept no longer. */
  ofOwner(networkId: string, nodeName: string, now: number): readonly TableEvent[] {
    return this.#take(nameOf(nodeName, networkId), now).filter((event) => event.type === GossipType.TableEvent);
  }

  /** The network events of a node, which is now known to be a member. They are kept no longer. */
  ofNode(nodeName: string, now: number): readonly NetworkEvent[] {
    return this.#take(nameOf(nodeName, undefined), now).filter((event) => event.type === GossipType.NetworkEvent);
  }

  /** Drops the events of a node that is gone. */
  gone(nodeName: string): void {
    for (const [name, early] of this.#waiting) if (early.nodeName === nodeName) this.#drop(name, early);
  }

  /** Does what is due: asks the owner of events that have waited for long. */
  advance(now: number): void {
    if (now < this.nextDeadline) return;
    this.nextDeadline = Infinity;
    let asked = false;
    for (const [name, early] of this.#waiting) {
      if (now >= early.keptUntil) {
        this.#drop(name, early);
      } else if (!early.isAsked && early.networkId !== undefined) {
        if (!asked && now >= early.askAt) {
          asked = true;
          early.isAsked = true;
          const node = this.#whoKnows(early.nodeName, early.networkId);
          if (node !== undefined) this.#cluster?.exchange(node.peer.endpoint, now);
        } else {
          this.nextDeadline = Math.min(this.nextDeadline, Math.max(early.askAt, now + ASK_INTERVAL));
        }
      }
    }
  }

  /** The node itself, if it is a member; else another one on the network. */
  #whoKnows(nodeName: string, networkId: string): DbNode | undefined {
    const node = this.#nodes.get(nodeName);
    if (node !== undefined) return node.status === NodeStatus.Active ? node : undefined;
    const picked: DbNode[] = [];
    this.#networks.get(networkId)?.pick(1, this.#context.random, picked);
    return picked.at(0);
  }

  #earlyOf(event: EarlyEvent, now: number): Early {
    const { nodeName } = event;
    const networkId = event.type === GossipType.TableEvent ? event.networkId : undefined;
    const name = nameOf(nodeName, networkId);
    const known = this.#waiting.get(name);
    if (known !== undefined && now < known.keptUntil) return known;
    if (known !== undefined) this.#drop(name, known);
    const askAt = now + (PATIENCE / 2) * (1 + this.#context.random());
    const events = new Map<string, EarlyEvent>();
    const early: Early = { nodeName, networkId, events, askAt, keptUntil: now + KEPT_TIME, isAsked: false };
    this.#waiting.set(name, early);
    if (networkId !== undefined) this.nextDeadline = Math.min(this.nextDeadline, askAt);
    return early;
  }

  #take(name: string, now: number): readonly EarlyEvent[] {
    if (this.#length === 0) return [];
    const early = this.#waiting.get(name);
    if (early === undefined) return [];
    this.#drop(name, early);
    return now < early.keptUntil ? [...early.events.values()] : [];
  }

  #drop(name: string, { events }: Early): void {
    this.#waiting.delete(name);
    for (const event of events.values()) this.#bytes -= gossipBytes(event);
    this.#length -= events.size;
  }
}

function nameOf(nodeName: string, networkId: string | undefined): string {
  return networkId === undefined ? `node/${nodeName}` : `owner/${networkId}/${nodeName}`;
}
