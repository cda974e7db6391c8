import { BroadcastQueue } from '../broadcast-queue.js';
import { type Random, randomInteger } from '../random.js';
import { type NetworkEntry, type TableEvent } from '../wire/messages.js';
import { type DbNode, type Entry, NodeStatus } from './db-node.js';

/** Tries per node that is picked at random, before fewer are returned. */
const TRIES_PER_NODE = 4;

/** Entries that are found again without a look-up in a table: a power of two. */
const RECENT_ENTRIES = 16;

/** Another node on a network, or one that left it. */
export class Attachment {
  readonly node: DbNode;
  readonly networkId: string;
  lTime: number;
  leaving = false;
  reapAt = Infinity;
  /** Index among the nodes on the network; -1 once it has left. */
  index = -1;
  #record: NetworkEntry | undefined;

  constructor(node: DbNode, networkId: string, lTime: number) {
    this.node = node;
    this.networkId = networkId;
    this.lTime = lTime;
  }

  /** What a push/pull says about it. */
  get record(): NetworkEntry {
    if (this.#record?.lTime !== this.lTime || this.#record.leaving !== this.leaving) {
      const { networkId, lTime, leaving } = this;
      this.#record = { networkId, lTime, nodeName: this.node.name, leaving };
    }
    return this.#record;
  }
}

/** This node on a network. */
export class OwnAttachment {
  lTime: number;
  leaving = false;
  reapAt = Infinity;
  /** Whether tables have been exchanged since it joined. */
  inSync = false;
  /** Whether it joined as the first node that it knew of, and has exchanged tables with none since. */
  isFirst = false;
  /** When it exchanges tables with a node that it has learned of since. */
  catchUpAt = Infinity;
  /** Nodes that tables are still to be exchanged with. */
  readonly toSync: DbNode[] = [];
  /** Own events to pass on, and those of others. The same queue if own ones don't come first. */
  readonly broadcasts: BroadcastQueue<TableEvent>;
  readonly relays: BroadcastQueue<TableEvent>;

  constructor(lTime: number, mult: number, capacity: number, ownFirst: boolean) {
    this.lTime = lTime;
    this.broadcasts = new BroadcastQueue(mult, capacity);
    this.relays = ownFirst ? new BroadcastQueue(mult, capacity) : this.broadcasts;
  }
}

/** A network, its nodes and, if this node is on it, its tables. */
export class Network {
  readonly id: string;
  own: OwnAttachment | undefined;
  readonly attachments = new Map<string, Attachment>();
  readonly tables = new Map<string, Map<string, Entry>>();
  readonly tombstones = new Set<Entry>();
  /** Nodes that have left and are still remembered. */
  departed = 0;
  readonly #nodes: Attachment[] = [];
  /** Entries changed last, by the Lamport time of the change. */
  readonly #recent: (Entry | undefined)[] = new Array<Entry | undefined>(RECENT_ENTRIES).fill(undefined);

  constructor(id: string) {
    this.id = id;
  }

  /** Nodes on it, this one included. */
  get size(): number {
    return this.#nodes.length + (this.own === undefined || this.own.leaving ? 0 : 1);
  }

  /** Other nodes on it. */
  nodes(): readonly Attachment[] {
    return this.#nodes;
  }

  /** Lists a node among those on the network. */
  enter(attachment: Attachment): void {
    if (attachment.index >= 0) return;
    attachment.index = this.#nodes.length;
    this.#nodes.push(attachment);
  }

  /** Removes a node from those on the network. */
  exit(attachment: Attachment): void {
    const last = this.#nodes.pop();
    if (last === undefined || attachment.index < 0) {
      if (last !== undefined) this.#nodes.push(last);
      return;
    }
    if (last !== attachment) {
      this.#nodes[attachment.index] = last;
      last.index = attachment.index;
    }
    attachment.index = -1;
  }

  /** Up to `count` different active nodes at random, appended to `into`. */
  pick(count: number, random: Random, into: DbNode[]): void {
    const size = this.#nodes.length;
    for (let tries = size === 0 ? 0 : TRIES_PER_NODE * count; tries > 0 && into.length < count; tries -= 1) {
      const { node } = this.#nodes[randomInteger(random, size)];
      if (node.status === NodeStatus.Active && !into.includes(node)) into.push(node);
    }
  }

  get(tableName: string, key: string): Entry | undefined {
    return this.tables.get(tableName)?.get(key);
  }

  /**
   * Whether an event is known, as far as can be told without a table. A node hears of each change some dozens of times
   * within seconds, and its tables are too large for a processor's caches.
   */
  hasHeard({ lTime, tableName, key }: TableEvent): boolean {
    const event = this.#recent[lTime % RECENT_ENTRIES]?.event;
    return event !== undefined && event.lTime >= lTime && event.key === key && event.tableName === tableName;
  }

  /** Remembers that an entry has changed. */
  changed(entry: Entry): void {
    this.#recent[entry.event.lTime % RECENT_ENTRIES] = entry;
  }

  set(tableName: string, key: string, entry: Entry): void {
    let table = this.tables.get(tableName);
    if (table === undefined) {
      table = new Map();
      this.tables.set(tableName, table);
    }
    table.set(key, entry);
  }

  /** Forgets an entry. */
  remove(entry: Entry): void {
    const { tableName, key } = entry.event;
    const table = this.tables.get(tableName);
    table?.delete(key);
    if (table?.size === 0) this.tables.delete(tableName);
    this.tombstones.delete(entry);
    if (this.#recent.includes(entry)) this.#recent.fill(undefined);
    entry.unlink();
  }
}
