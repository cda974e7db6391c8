import { type NetworkDb, NetworkDbError } from '../../gossip/index.js';

interface OwnEntry {
  readonly tableName: string;
  readonly key: string;
  readonly value: Uint8Array;
}

/**
 * What a node wants to have in its tables: networks and entries, in any order. Entries wait until their network is
 * joined.
 */
export class OwnEntries {
  readonly #db: NetworkDb;
  readonly #trouble: (cause: string, text: string) => void;
  readonly #joined = new Set<string>();
  readonly #entries = new Map<string, Map<string, OwnEntry>>();

  /** @param trouble called for what the tables refuse */
  constructor(db: NetworkDb, trouble: (cause: string, text: string) => void) {
    this.#db = db;
    this.#trouble = trouble;
  }

  join(id: string, now: number): void {
    if (this.#joined.has(id) || !this.#try(() => this.#db.joinNetwork(id, now))) return;
    this.#joined.add(id);
    for (const entry of this.#entries.get(id)?.values() ?? []) this.#apply(id, entry, now);
  }

  leave(id: string, now: number): void {
    this.#entries.delete(id);
    if (this.#joined.delete(id)) this.#try(() => this.#db.leaveNetwork(id, now));
  }

  /** @param value copied */
  set(networkId: string, tableName: string, key: string, value: Uint8Array, now: number): void {
    let entries = this.#entries.get(networkId);
    if (entries === undefined) {
      entries = new Map();
      this.#entries.set(networkId, entries);
    }
    const entry = { tableName, key, value: Uint8Array.from(value) };
    entries.set(`${tableName}\0${key}`, entry);
    if (this.#joined.has(networkId)) this.#apply(networkId, entry, now);
  }

  remove(networkId: string, tableName: string, key: string, now: number): void {
    const entries = this.#entries.get(networkId);
    if (entries?.delete(`${tableName}\0${key}`) !== true) return;
    if (entries.size === 0) this.#entries.delete(networkId);
    if (!this.#joined.has(networkId) || this.#db.value(networkId, tableName, key) === undefined) return;
    this.#try(() => this.#db.deleteEntry(networkId, tableName, key, now));
  }

  #apply(networkId: string, { tableName, key, value }: OwnEntry, now: number): void {
    const before = this.#db.value(networkId, tableName, key);
    if (before === undefined) {
      this.#try(() => this.#db.createEntry(networkId, tableName, key, value, now));
    } else if (Buffer.compare(before, value) !== 0) {
      this.#try(() => this.#db.updateEntry(networkId, tableName, key, value, now));
    }
  }

  #try(change: () => void): boolean {
    try {
      change();
      return true;
    } catch (error) {
      if (!(error instanceof NetworkDbError)) throw error;
      this.#trouble(error.code, `The gossip's tables refuse a change of this node: ${error.message}`);
      return false;
    }
  }
}
