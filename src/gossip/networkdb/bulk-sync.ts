import { nextTick } from '../ticker.js';
import { shuffle } from '../random.js';
import { type BulkSyncEntries } from '../user-data.js';
import { EntryEvent, GossipType, type TableEvent } from '../wire/messages.js';
import { type Cluster } from './cluster.js';
import { type DbContext } from './context.js';
import { type DbNode, NodeStatus } from './db-node.js';
import { type Network, type OwnAttachment } from './network.js';
import { type Networks } from './networks.js';
import { type Nodes } from './nodes.js';
import { residualSeconds } from './residual-time.js';
import { type TableEvents } from './table-events.js';

/**
 * How long a node that joined a network as the first one waits, once it has learned of another there, in milliseconds:
 * those that start with it are learned meanwhile, and so is what they have. Half of it is chosen at random.
 */
const CATCH_UP_TIME = 1000;

/** Exchanges whole tables with other nodes: on joining a network, and now and then. */
export class BulkSync {
  readonly #context: DbContext;
  readonly #networks: Networks;
  readonly #nodes: Nodes;
  readonly #tableEvents: TableEvents;
  /** Exchanges whose other half is waited for, by node. */
  readonly #awaited = new Map<string, { readonly deadline: number; readonly network: Network | undefined }>();
  #cluster: Cluster | undefined;
  #syncAt = Infinity;
  #catchUpAt = Infinity;
  /** No awaited exchange is given up before this. */
  #awaitedAt = Infinity;

  constructor(context: DbContext, networks: Networks, nodes: Nodes, tableEvents: TableEvents) {
    this.#context = context;
    this.#networks = networks;
    this.#nodes = nodes;
    this.#tableEvents = tableEvents;
  }

  /** When {@link advance} is due. */
  get nextDeadline(): number {
    return Math.min(this.#syncAt, this.#awaitedAt, this.#catchUpAt);
  }

  start(cluster: Cluster, now: number): void {
    const { parameters, random } = this.#context;
    this.#cluster = cluster;
    this.#syncAt = now + parameters.bulkSyncInterval * (0.001 + random());
  }

  /** Does what is due. */
  advance(now: number): void {
    if (now >= this.#awaitedAt) this.#giveUp(now);
    if (now >= this.#catchUpAt) this.#catchUp(now);
    if (now < this.#syncAt) return;
    this.#syncAt = nextTick(this.#syncAt, this.#context.parameters.bulkSyncInterval, now);
    this.#syncAll(now);
  }

  /** Begins the exchanges after this node has joined a network. */
  begin(network: Network, own: OwnAttachment, now: number): void {
    const { parameters, random } = this.#context;
    own.toSync.length = 0;
    for (const { node } of network.nodes()) if (node.status === NodeStatus.Active) own.toSync.push(node);
    shuffle(own.toSync, random);
    if (own.toSync.length > parameters.joinSyncs) own.toSync.length = parameters.joinSyncs;
    own.isFirst = parameters.catchUp && own.toSync.length === 0;
    own.catchUpAt = Infinity;
    this.#syncNext(network, own, now);
  }

  /** Another node is now known to be on a network. */
  attached({ own }: Network, now: number): void {
    if (own?.isFirst !== true || own.leaving) return;
    own.isFirst = false;
    own.catchUpAt = now + (CATCH_UP_TIME / 2) * (1 + this.#context.random());
    this.#catchUpAt = Math.min(this.#catchUpAt, own.catchUpAt);
  }

  /** Asks a node to exchange the tables of networks. */
  sync(node: DbNode, networks: readonly string[], now: number): void {
    this.#sync(node, networks, undefined, now);
  }

  /** Takes the tables of another node: one half of an exchange. */
  receive(sync: BulkSyncEntries, now: number): void {
    const { tableClock } = this.#context;
    if (sync.lTime > 0 && !this.#context.witness(tableClock, sync.lTime)) return;
    for (const event of sync.events) this.#tableEvents.receive(event, true, now);
    const node = this.#nodes.get(sync.nodeName);
    if (sync.unsolicited) {
      if (node?.status === NodeStatus.Active) this.#sendTables(node, sync.networks, false, now, undefined);
      return;
    }
    this.#end(sync.nodeName, now);
  }

  #sendTables(
    node: DbNode,
    networks: readonly string[],
    unsolicited: boolean,
    now: number,
    done: ((succeeded: boolean, now: number) => void) | undefined,
  ): void {
    const { name, tableClock } = this.#context;
    const events: TableEvent[] = [];
    for (const id of networks) {
      const network = this.#networks.get(id);
      if (network?.own === undefined) continue;
      for (const table of network.tables.values()) {
        for (const { event, reapAt } of table.values()) {
          if (event.event === EntryEvent.Delete) {
            events.push({ ...event, residualReapTime: Math.max(1, residualSeconds(reapAt - now)) });
          } else {
            events.push(event.event === EntryEvent.Create ? event : { ...event, event: EntryEvent.Create });
          }
        }
      }
    }
    const sync: BulkSyncEntries = {
      type: GossipType.BulkSync,
      lTime: tableClock.time,
      unsolicited,
      nodeName: name,
      networks,
      events,
    };
    this.#cluster?.sendReliably(node.peer.endpoint, sync, now, done);
  }

  #sync(
    node: DbNode,
    networks: readonly string[],
    joined: Network | undefined,
    now: number,
    failed?: () => void,
  ): void {
    const { counts, parameters } = this.#context;
    counts.bulkSyncs += 1;
    const deadline = now + parameters.bulkSyncTimeout;
    this.#awaited.set(node.name, { deadline, network: joined });
    this.#awaitedAt = Math.min(this.#awaitedAt, deadline);
    this.#sendTables(node, networks, true, now, (succeeded, then) => {
      if (succeeded) return;
      this.#end(node.name, then);
      failed?.();
    });
  }

  #end(nodeName: string, now: number): void {
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
        this.#context.counts.unansweredSyncs += 1;
        this.#end(name, now);
      }
    }
  }

  /** Exchanges tables with a node of each network that was joined when none was known there. */
  #catchUp(now: number): void {
    this.#catchUpAt = Infinity;
    for (const network of this.#networks.values()) {
      const { own } = network;
      if (own === undefined || own.leaving) continue;
      if (now < own.catchUpAt) {
        this.#catchUpAt = Math.min(this.#catchUpAt, own.catchUpAt);
        continue;
      }
      const picked: DbNode[] = [];
      network.pick(1, this.#context.random, picked);
      own.catchUpAt = Infinity;
      // One exchange covers all networks that both are on.
      for (const node of picked)
        if (!this.#awaited.has(node.name)) this.#sync(node, this.#networks.common(node), undefined, now);
    }
  }

  /** Goes on with the exchanges after joining a network. */
  #syncNext(network: Network, own: OwnAttachment, now: number): void {
    if (own.inSync || own.leaving) return;
    for (let node = own.toSync.pop(); node !== undefined; node = own.toSync.pop()) {
      if (node.status !== NodeStatus.Active) continue;
      this.#sync(node, this.#networks.common(node), network, now);
      return;
    }
    own.inSync = true;
  }

  /** Exchanges the tables of each of this node's networks with some node on it. */
  #syncAll(now: number): void {
    const covered = new Set<string>();
    for (const network of this.#networks.values()) {
      if (network.own?.leaving !== false || covered.has(network.id)) continue;
      const picked: DbNode[] = [];
      network.pick(2, this.#context.random, picked);
      const node = picked.at(0);
      const second = picked.at(1);
      if (node === undefined) continue;
      const networks = this.#networks.common(node);
      for (const id of networks) covered.add(id);
      this.#sync(node, networks, undefined, now, () => {
        if (second?.status === NodeStatus.Active) this.#sync(second, this.#networks.common(second), undefined, now);
      });
    }
  }
}
