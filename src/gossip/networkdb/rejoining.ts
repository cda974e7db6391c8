import { type GossipEndpoint } from '../member/endpoint.js';
import { nextTick } from '../ticker.js';
import { randomInteger } from '../random.js';
import { MembershipEvent } from '../wire/messages.js';
import { type Announcements } from './announcements.js';
import { type BulkSync } from './bulk-sync.js';
import { type Cluster } from './cluster.js';
import { type DbContext } from './context.js';
import { type DbNode, NodeStatus } from './db-node.js';
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
    this.#joinBootstrap(now);
  }

  /** Tries to reach a failed node. */
  #reconnect(now: number): void {
    const { failed } = this.#nodes;
    if (failed.length === 0) return;
    const node = failed[randomInteger(this.#context.random, failed.length)];
    this.#join([node.peer.endpoint], now, (then) => this.#sync(node, then));
  }

  /** Joins the nodes given to `join` again if none of them is a member, so that clusters that started apart merge. */
  #rejoin(now: number): void {
    const { self } = this.#nodes;
    for (const endpoint of this.#bootstrap) {
      const node = this.#nodes.at(endpoint);
      if (node !== undefined && node !== self && node.status === NodeStatus.Active) return;
    }
    this.#joinBootstrap(now);
  }

  /**
   * Joins. If this node is on networks already, it has been cut off, and synchronizes them. Docker leaves that to the next
   * periodic synchronization, up to half a minute later.
   */
  #joinBootstrap(now: number): void {
    const wasOnNetworks = [...this.#networks.values()].some(({ own }) => own !== undefined);
    this.#join(this.#bootstrap, now, (then) => {
      if (!wasOnNetworks) return;
      for (const endpoint of this.#bootstrap) {
        const node = this.#nodes.at(endpoint);
        if (node !== undefined && node !== this.#nodes.self) this.#sync(node, then);
      }
    });
  }

  #sync(node: DbNode, now: number): void {
    const networks = this.#networks.common(node);
    if (node.status === NodeStatus.Active && networks.length > 0) this.#bulkSync.sync(node, networks, now);
  }

  #join(endpoints: readonly GossipEndpoint[], now: number, joined?: (now: number) => void): void {
    this.#cluster?.join(endpoints, now, (succeeded, then) => {
      if (!succeeded) return;
      this.#announcements.announceNode(MembershipEvent.Join);
      joined?.(then);
    });
  }
}
