import { EntryEvent, type TableEvent } from '../wire/messages.js';
import { type DbContext } from './context.js';
import { type DbNode, Entry } from './db-node.js';
import { type Network } from './network.js';
import { type Networks } from './networks.js';
import { residualTime } from './residual-time.js';
import { type TableChange } from './table-change.js';

/** The entries of all tables, and the changes reported to watchers. */
export class Entries {
  readonly #context: DbContext;
  readonly #networks: Networks;
  #size = 0;
  #valueBytes = 0;

  constructor(context: DbContext, networks: Networks) {
    this.#context = context;
    this.#networks = networks;
  }

  /** Entries kept, deleted and hidden ones included. */
  get size(): number {
    return this.#size;
  }

  /**
   * Stores what an event says, and reports what changes for watchers. Returns false if it is refused.
   * @param old the entry so far
   */
  store(
    network: Network,
    old: Entry | undefined,
    event: TableEvent,
    owner: DbNode,
    isBulkSync: boolean,
    now: number,
  ): boolean {
    const deletes = event.event === EntryEvent.Delete;
    const { counts, parameters } = this.#context;
    const { keepUnknownDeletes, maxEntries, maxValueBytes, reapEntryTime } = parameters;
    const reapAt = deletes ? now + residualTime(event, reapEntryTime) : Infinity;
    const before = old?.isVisible === true ? old.event.value : undefined;
    const growth = event.value.length - (old?.event.value.length ?? 0);
    if (growth > 0 && this.#valueBytes + growth > maxValueBytes) {
      counts.refusedEntries += 1;
      return false;
    }
    let entry = old;
    if (entry === undefined) {
      if (deletes && !isBulkSync && !keepUnknownDeletes) return false;
      if (this.#size >= maxEntries) {
        counts.refusedEntries += 1;
        return false;
      }
      entry = new Entry(event, owner, reapAt);
      network.set(event.tableName, event.key, entry);
      this.#size += 1;
    } else {
      entry.change(event, owner, reapAt);
    }
    this.#valueBytes += growth;
    if (deletes) network.tombstones.add(entry);
    else network.tombstones.delete(entry);
    network.changed(entry);
    counts.tableEvents += 1;
    if (entry.isVisible) this.#report(before === undefined ? 'created' : 'updated', event, owner.name, before);
    else if (before !== undefined) this.#report('deleted', { ...event, value: before }, owner.name, before);
    return true;
  }

  /** Forgets an entry without a report. */
  remove(network: Network, entry: Entry): void {
    network.remove(entry);
    this.#size -= 1;
    this.#valueBytes -= entry.event.value.length;
  }

  /** Forgets all entries of a network without reports. */
  removeAll(network: Network): void {
    for (const table of [...network.tables.values()]) {
      for (const entry of [...table.values()]) this.remove(network, entry);
    }
  }

  /** Forgets the entries of a node, on one network or all, and reports those that were visible. */
  removeOf(node: DbNode, only?: Network): void {
    let entry = node.entries;
    while (entry !== undefined) {
      const { next, event, isVisible } = entry;
      const network = this.#networks.get(event.networkId);
      if (network !== undefined && (only === undefined || network === only)) {
        this.remove(network, entry);
        if (isVisible) this.reportDeleted(event, node);
      }
      entry = next;
    }
  }

  /** Reports the visible entries of a node that is back as created. */
  reportShown(node: DbNode): void {
    for (let entry = node.entries; entry !== undefined; entry = entry.next) {
      if (entry.isVisible) this.#report('created', entry.event, node.name, undefined);
    }
  }

  /** Reports the entries of a node that are visible, and won't be, as deleted. */
  reportHidden(node: DbNode): void {
    for (let entry = node.entries; entry !== undefined; entry = entry.next) {
      if (entry.isVisible) this.reportDeleted(entry.event, node);
    }
  }

  /** Reports an entry that was visible as deleted. */
  reportDeleted(event: TableEvent, owner: DbNode): void {
    this.#report('deleted', event, owner.name, event.value);
  }

  #report(kind: TableChange['kind'], event: TableEvent, owner: string, previous: Uint8Array | undefined): void {
    const { networkId, tableName, key, value } = event;
    this.#context.changed({ kind, networkId, tableName, key, owner, value, previous });
  }
}
