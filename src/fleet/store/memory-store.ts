/** A store in this process: for one machine, and for tests. No clock, no randomness, no input or output. */
import { StoreError } from '../error.js';
import { ChangeLog, type LoggedChange } from './change-log.js';
import { checkKey, checkPrefix, checkValue, hasPrefix, MAX_RECORDS } from './key.js';
import {
  type PutOptions,
  type Store,
  type StoreChange,
  type StoreRecord,
  type StoreSnapshot,
  type WatchOptions,
} from './store.js';
import { type WaitingWatch, WaitingWatches } from './waiting-watches.js';

/** Changes that a watch takes out of the log at a time. */
const BATCH = 256;

export interface MemoryStoreOptions {
  /**
   * Most records. A put of one more throws `FULL`.
   * @default 262144
   */
  readonly maxRecords?: number;
  /**
   * Most deleted keys that are remembered for those who resume. Of more, the oldest are forgotten, as by `compact`.
   * @default 65536
   */
  readonly maxDeletions?: number;
}

/** A store in memory: it is gone with the process. */
export class MemoryStore implements Store {
  readonly connected: boolean = true;
  readonly #log: ChangeLog;
  readonly #maxRecords: number;
  readonly #waiting = new WaitingWatches();
  #closed = false;

  constructor({ maxRecords = MAX_RECORDS, maxDeletions = 65_536 }: MemoryStoreOptions = {}) {
    this.#maxRecords = maxRecords;
    this.#log = new ChangeLog(maxDeletions);
  }

  // Async, so that what a method throws rejects its promise.
  // eslint-disable-next-line @typescript-eslint/require-await
  async get(key: string): Promise<StoreRecord | undefined> {
    this.#check(key);
    const last = this.#log.last(key);
    return last?.value && { key, value: last.value.slice(), revision: last.revision };
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async put(key: string, value: Uint8Array, { revision }: PutOptions = {}): Promise<number> {
    this.#check(key);
    checkValue(key, value);
    const last = this.#log.last(key);
    if (revision !== undefined) this.#expect(key, revision === 0 && !last?.value ? 0 : last?.revision, revision);
    if (!last?.value && this.#log.records >= this.#maxRecords) {
      throw new StoreError('FULL', `the store holds ${this.#maxRecords} records, which is its limit`);
    }
    return this.#write(key, value.slice());
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async delete(key: string, revision: number): Promise<void> {
    this.#check(key);
    this.#expect(key, this.#log.last(key)?.revision, revision);
    this.#write(key, undefined);
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async snapshot(prefix: string): Promise<StoreSnapshot> {
    this.#checkOpen();
    checkPrefix(prefix);
    const records: StoreRecord[] = [];
    for (const { key, value, revision } of this.#log.after(0)) {
      if (value && hasPrefix(key, prefix)) records.push({ key, value: value.slice(), revision });
    }
    return { revision: this.#log.revision, records };
  }

  async *watch(prefix: string, revision: number, { signal }: WatchOptions = {}): AsyncGenerator<StoreChange> {
    this.#checkOpen();
    checkPrefix(prefix);
    if (revision > this.#log.revision) {
      throw new StoreError('RESET', `the store is at revision ${this.#log.revision}, before ${revision}`);
    }
    const waiting = this.#waiting.watch(prefix);
    signal?.addEventListener('abort', waiting.stop, { once: true });
    if (signal?.aborted) waiting.stop();
    try {
      let seen = revision;
      // To who knows nothing yet, what was deleted before doesn't matter.
      const unknown = revision === 0 ? this.#log.compacted : 0;
      while (!this.#ended(waiting)) {
        const { compacted } = this.#log;
        if (seen < compacted && compacted > unknown) {
          throw new StoreError('COMPACTED', `deletions up to revision ${compacted} are no longer kept`);
        }
        const { batch, complete } = this.#batch(prefix, seen);
        seen = complete;
        for (const { key, value, revision: at } of batch) {
          // Changed since: the next batch has the last change of this key. A deletion may be forgotten since.
          if ((this.#log.last(key)?.revision ?? at) !== at) continue;
          if (this.#ended(waiting)) return;
          yield value
            ? { kind: 'put', key, value: value.slice(), revision: at }
            : { kind: 'delete', key, revision: at };
        }
        if (this.#ended(waiting)) return;
        if (seen === this.#log.revision) seen = Math.max(seen, await waiting.next());
      }
    } finally {
      waiting.stop();
      signal?.removeEventListener('abort', waiting.stop);
    }
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async compact(revision: number): Promise<void> {
    this.#checkOpen();
    this.#log.compact(revision);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#waiting.wakeAll();
    return Promise.resolve();
  }

  /** The next changes of a watch, and the revision up to which they are all there are. */
  #batch(prefix: string, seen: number): { batch: readonly LoggedChange[]; complete: number } {
    const batch: LoggedChange[] = [];
    for (const change of this.#log.after(seen)) {
      if (!hasPrefix(change.key, prefix)) continue;
      batch.push(change);
      if (batch.length === BATCH) return { batch, complete: change.revision };
    }
    // The last changes may be deletions that are forgotten.
    return { batch, complete: this.#log.revision };
  }

  #ended(watch: WaitingWatch): boolean {
    return this.#closed || watch.isStopped;
  }

  #check(key: string): void {
    this.#checkOpen();
    checkKey(key);
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreError('CLOSED', 'the store is closed');
  }

  #expect(key: string, found: number | undefined, expected: number): void {
    if (found === expected) return;
    throw new StoreError('CONFLICT', `${key} is at revision ${found ?? 0}, not ${expected}`);
  }

  #write(key: string, value: Uint8Array | undefined): number {
    const revision = this.#log.append(key, value);
    this.#waiting.changed(key, revision);
    return revision;
  }
}
