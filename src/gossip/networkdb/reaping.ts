import { nextTick } from '../ticker.js';
import { type DbContext } from './context.js';
import { NodeStatus } from './db-node.js';
import { type Entries } from './entries.js';
import { type Networks } from './networks.js';
import { type Nodes } from './nodes.js';

/** Forgets what has been gone for long enough: deleted entries, networks that were left, and nodes. */
export class Reaping {
  readonly #context: DbContext;
  readonly #networks: Networks;
  readonly #entries: Entries;
  readonly #nodes: Nodes;
  #reapAt = Infinity;
  #reapNodesAt = Infinity;

  constructor(context: DbContext, networks: Networks, entries: Entries, nodes: Nodes) {
    this.#context = context;
    this.#networks = networks;
    this.#entries = entries;
    this.#nodes = nodes;
  }

  /** When {@link advance} is due. */
  get nextDeadline(): number {
    return Math.min(this.#reapAt, this.#reapNodesAt);
  }

  start(now: number): void {
    const { parameters, random } = this.#context;
    this.#reapAt = now + parameters.reapInterval * (0.001 + random());
    this.#reapNodesAt = now + parameters.reapNodeInterval * (0.001 + random());
  }

  /** Does what is due. */
  advance(now: number): void {
    const { reapInterval, reapNodeInterval } = this.#context.parameters;
    if (now >= this.#reapAt) {
      this.#reapAt = nextTick(this.#reapAt, reapInterval, now);
      this.#reap(now);
    }
    if (now >= this.#reapNodesAt) {
      this.#reapNodesAt = nextTick(this.#reapNodesAt, reapNodeInterval, now);
      this.#reapNodes(now);
    }
  }

  #reap(now: number): void {
    for (const network of this.#networks.values()) {
      for (const entry of network.tombstones) if (now >= entry.reapAt) this.#entries.remove(network, entry);
      if (network.departed > 0) {
        for (const attachment of network.attachments.values()) {
          if (attachment.leaving && now >= attachment.reapAt) this.#networks.forget(network, attachment);
        }
      }
      if (network.own?.leaving === true && now >= network.own.reapAt) {
        this.#entries.removeAll(network);
        network.own = undefined;
        this.#networks.dropIfUnused(network);
      }
    }
  }

  #reapNodes(now: number): void {
    for (const node of this.#nodes.values()) {
      if (node.status !== NodeStatus.Active && now >= node.reapAt) this.#nodes.forget(node);
    }
  }
}
