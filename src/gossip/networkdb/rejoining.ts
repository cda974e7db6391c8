import { type GossipEndpoint } from '../member/endpoint.js';
import { nextTick } from '../ticker.js';
import { randomInteger } from '../random.js';
import { MembershipEvent } from '../wire/messages.js';
import { type Announcements } from './announcements.js';
import { type BulkSync } from './bulk-sync.js';
import { type Cluster } from './cluster.js';
import { type DbContext } from './context.js';
import { NodeStatus } from './db-node.js';
import { type Networks } from './networks.js';
import { type Nodes } from './nodes.js';

/** Joins the cluster, and keeps trying to reach what was cut off: failed nodes, and those it joined through. */
export class Rejoining {
  readonly #context: DbContext;
  readonly #networks: Networks;
  readonly #nodes: Nodes;
  readonly #announcements: Announcements;
  readonly #bulkSync: BulkSync;
  #cluster: Cluster | undefined;
  #bootstrap: readonly GossipEndpoint[] = [];
  #reconnectAt = Infinity;
  #rejoinAt = Infinity;

  constructor(context: DbContext, networks: Networks, nodes: Nodes, announcements: Announcements, bulkSync: BulkSync) {
    this.#context = context;
    this.#networks = networks;
    this.#nodes = nodes;
    this.#announcements = announcements;
    this.#bulkSync = bulkSync;
  }

  /** When {@link advance} is due. */
  get nextDeadline(): number {
    return this.#nodes.failed.length > 0 ? Math.min(this.#rejoinAt, this.#reconnectAt) : this.#rejoinAt;
  }

  start(cluster: Cluster, now: number): void {
    const { parameters, random } = this.#context;
    this.#cluster = cluster;
    this.#reconnectAt = now + parameters.reconnectInterval * (0.001 + random());
    this.#rejoinAt = now + parameters.rejoinInterval * (0.001 + random());
  }

  /** Does what is due. */
  advance(now: number): void {
    const { reconnectInterval, rejoinInterval } = this.#context.parameters;
    if (now >= this.#reconnectAt) {
      this.#reconnectAt = nextTick(this.#reconnectAt, reconnectInterval, now);
      this.#reconnect(now);
    }
    if (now >= this.#rejoinAt) {
      this.#rejoinAt = nextTick(this.#rejoinAt, rejoinInterval, now);
      this.#rejoin(now);
    }
  }

  /** Joins the cluster of these members, and again whenever none of them is in it. */
  join(endpoints: Iterable<GossipEndpoint>, now: number): void {
    this.#bootstrap = [...endpoints];
    this.#join(this.#bootstrap, now);
  }

  /** Tries to reach a failed node. */
  #reconnect(now: number): void {
    const { failed } = this.#nodes;
    if (failed.length === 0) return;
    const node = failed[randomInteger(this.#context.random, failed.length)];
    this.#join([node.peer.endpoint], now, (then) => {
      const networks = this.#networks.common(node);
      if (node.status === NodeStatus.Active && networks.length > 0) this.#bulkSync.sync(node, networks, then);
    });
  }

  /** Joins the nodes given to `join` again if none of them is a member, so that clusters that started apart merge. */
  #rejoin(now: number): void {
    const { self } = this.#nodes;
    for (const endpoint of this.#bootstrap) {
      const node = this.#nodes.at(endpoint);
      if (node !== undefined && node !== self && node.status === NodeStatus.Active) return;
    }
    this.#join(this.#bootstrap, now);
  }

  #join(endpoints: readonly GossipEndpoint[], now: number, joined?: (now: number) => void): void {
    this.#cluster?.join(endpoints, now, (succeeded, then) => {
      if (!succeeded) return;
      this.#announcements.announceNode(MembershipEvent.Join);
      joined?.(then);
    });
  }
}
