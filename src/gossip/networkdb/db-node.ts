import { type GossipEndpoint } from '../member/endpoint.js';
import { type Peer } from '../member/peer.js';
import { EntryEvent, type TableEvent } from '../wire/messages.js';

/** What NetworkDB thinks of a node. */
export const NodeStatus = { Active: 0, Left: 1, Failed: 2 } as const;
export type NodeStatus = (typeof NodeStatus)[keyof typeof NodeStatus];

/** A node of the cluster, this one included. */
export class DbNode {
  readonly name: string;
  peer: Peer;
  status: NodeStatus = NodeStatus.Active;
  /** Lamport time of its latest node event. */
  lTime = 0;
  /** When it is forgotten, if it is not active. */
  reapAt = Infinity;
  /** The active node whose address it has taken. */
  displaced: DbNode | undefined;
  /** First of its entries. */
  entries: Entry | undefined;

  constructor(peer: Peer) {
    this.name = peer.name;
    this.peer = peer;
  }
}

/** An entry of a table, in the list of its owner's entries. */
export class Entry {
  /** What created, changed or deleted it. */
  event: TableEvent;
  owner: DbNode;
  /** When it is forgotten, if it is deleted. */
  reapAt: number;
  #next: Entry | undefined;
  #previous: Entry | undefined;

  constructor(event: TableEvent, owner: DbNode, reapAt: number) {
    this.event = event;
    this.owner = owner;
    this.reapAt = reapAt;
    this.#link();
  }

  get isDeleted(): boolean {
    return this.event.event === EntryEvent.Delete;
  }

  /** Whether watchers know it. */
  get isVisible(): boolean {
    return !this.isDeleted && this.owner.status === NodeStatus.Active;
  }

  /** The next entry of its owner. */
  get next(): Entry | undefined {
    return this.#next;
  }

  /** Gives it a new state, and perhaps a new owner. */
  change(event: TableEvent, owner: DbNode, reapAt: number): void {
    this.event = event;
    this.reapAt = reapAt;
    if (owner === this.owner) return;
    this.unlink();
    this.owner = owner;
    this.#link();
  }

  /** Removes it from its owner's list. */
  unlink(): void {
    if (this.#previous === undefined) this.owner.entries = this.#next;
    else this.#previous.#next = this.#next;
    if (this.#next !== undefined) this.#next.#previous = this.#previous;
    this.#next = undefined;
    this.#previous = undefined;
  }

  #link(): void {
    this.#next = this.owner.entries;
    if (this.#next !== undefined) this.#next.#previous = this;
    this.owner.entries = this;
  }
}

/** An endpoint as a key of a map: a number for IPv4. */
export function endpointKey({ addr, port }: GossipEndpoint): number | string {
  if (addr.length !== 4) return `${addr.join('.')}:${port}`;
  let key = 0;
  for (const byte of addr) key = key * 0x100 + byte;
  return key * 0x1_0000 + port;
}
