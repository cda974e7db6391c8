import { retransmitLimit } from './member/parameters.js';

interface Broadcast<Item> {
  readonly key: string | undefined;
  readonly item: Item;
  readonly bytes: number;
  readonly id: number;
  transmits: number;
}

/**
 * Messages to pass on, each a limited number of times. The least often sent go first; among those, longer ones, then
 * newer ones. A message replaces the queued one with the same key.
 */
export class BroadcastQueue<Item> {
  /** By number of transmits, each longest first. */
  readonly #tiers: Broadcast<Item>[][] = [];
  readonly #byKey = new Map<string, Broadcast<Item>>();
  readonly #mult: number;
  readonly #capacity: number;
  #length = 0;
  #lastId = 0;
  #evicted = 0;

  /** Each message is passed on `mult` times per power of ten of members; at most `capacity` are queued. */
  constructor(mult: number, capacity: number) {
    this.#mult = mult;
    this.#capacity = capacity;
  }

  /** Messages queued. */
  get length(): number {
    return this.#length;
  }

  /** Messages that were dropped since the queue was full. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Whether a message with the key is still to be passed on. */
  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** Queues a message of `bytes` bytes. With a key, it replaces the one queued with the same. */
  push(key: string | undefined, item: Item, bytes: number): void {
    if (key !== undefined) {
      const old = this.#byKey.get(key);
      if (old !== undefined) this.#remove(old);
    }
    if (this.#length >= this.#capacity) this.#evict();
    this.#lastId += 1;
    const broadcast = { key, item, bytes, id: this.#lastId, transmits: 0 };
    this.#file(broadcast);
    if (key !== undefined) this.#byKey.set(key, broadcast);
    this.#length += 1;
  }

  /**
   * Appends the messages for a packet to `into`: as many as fit in `limit` bytes with `overhead` bytes each, in a
   * cluster of `members`. Returns the bytes used, with the overhead.
   */
  take(overhead: number, limit: number, members: number, into: Item[]): number {
    if (this.#length === 0) return 0;
    const transmitLimit = retransmitLimit(this.#mult, members);
    let used = 0;
    let again: Broadcast<Item>[] | undefined;
    for (const tier of this.#tiers) {
      let at = 0;
      while (at < tier.length) {
        const free = limit - used - overhead;
        if (free <= 0) break;
        at = firstNotLonger(tier, free, at);
        if (at === tier.length) break;
        const broadcast = tier[at];
        tier.splice(at, 1);
        used += broadcast.bytes + overhead;
        into.push(broadcast.item);
        broadcast.transmits += 1;
        if (broadcast.transmits < transmitLimit) (again ??= []).push(broadcast);
        else this.#forget(broadcast);
      }
    }
    if (again !== undefined) for (const broadcast of again) this.#file(broadcast);
    return used;
  }

  /** Drops all messages. */
  clear(): void {
    this.#tiers.length = 0;
    this.#byKey.clear();
    this.#length = 0;
  }

  /** Puts a broadcast where its number of transmits belongs. */
  #file(broadcast: Broadcast<Item>): void {
    while (this.#tiers.length <= broadcast.transmits) this.#tiers.push([]);
    const tier = this.#tiers[broadcast.transmits];
    tier.splice(indexFor(tier, broadcast), 0, broadcast);
  }

  #remove(broadcast: Broadcast<Item>): void {
    const tier = this.#tiers[broadcast.transmits];
    tier.splice(indexFor(tier, broadcast), 1);
    this.#forget(broadcast);
  }

  #forget(broadcast: Broadcast<Item>): void {
    if (broadcast.key !== undefined) this.#byKey.delete(broadcast.key);
    this.#length -= 1;
  }

  #evict(): void {
    for (let transmits = this.#tiers.length - 1; transmits >= 0; transmits -= 1) {
      const last = this.#tiers[transmits].pop();
      if (last === undefined) continue;
      this.#forget(last);
      this.#evicted += 1;
      return;
    }
  }
}

/** Index of a broadcast in its tier, or where it belongs. */
function indexFor(tier: readonly Broadcast<unknown>[], broadcast: Broadcast<unknown>): number {
  let low = 0;
  let high = tier.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = tier[middle];
    const before = other.bytes > broadcast.bytes || (other.bytes === broadcast.bytes && other.id > broadcast.id);
    if (before) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first broadcast from `from` on that has at most `bytes` bytes. */
function firstNotLonger(tier: readonly Broadcast<unknown>[], bytes: number, from: number): number {
  let low = from;
  let high = tier.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tier[middle].bytes > bytes) low = middle + 1;
    else high = middle;
  }
  return low;
}
