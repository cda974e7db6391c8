/** The store that all hosts share, and what its server sends in each second. */
import { MemoryStore, type PutOptions, type StoreSnapshot } from '../../../src/fleet/index.js';
import { hasPrefix } from '../../../src/fleet/store/key.js';
import { headersLength } from './nats-cost.js';
import { type VirtualTime } from './virtual-time.js';

const SECOND = 1000;

/** A server in this process. */
export class SimulatedServer {
  readonly store = new MemoryStore();
  readonly time: VirtualTime;
  /** When each key was last deleted. */
  readonly deleted = new Map<string, number>();
  /** Bytes of the headers that each record was written with. */
  readonly #headers = new Map<string, number>();
  readonly #sent: number[] = [];
  /** Snapshots, until something below their prefix changes. */
  readonly #snapshots = new Map<string, { readonly snapshot: StoreSnapshot; readonly bytes: number }>();
  #revision = 0;

  constructor(time: VirtualTime) {
    this.time = time;
  }

  /** Of the last write. */
  get revision(): number {
    return this.#revision;
  }

  headersOf(key: string): number {
    return this.#headers.get(key) ?? 0;
  }

  /**
   * A snapshot, and the bytes of its values and headers. Hosts that read the same records get the same arrays: a copy for
   * each of 1,000 hosts would be gigabytes. None of them writes to it.
   */
  async snapshot(prefix: string): Promise<{ readonly snapshot: StoreSnapshot; readonly bytes: number }> {
    const kept = this.#snapshots.get(prefix);
    if (kept !== undefined) return { ...kept, snapshot: { ...kept.snapshot, revision: this.#revision } };
    const snapshot = await this.store.snapshot(prefix);
    if (snapshot.revision !== this.#revision) throw new Error('a write to the store was missed');
    const bytes = snapshot.records.reduce((sum, { key, value }) => sum + value.length + this.headersOf(key), 0);
    const read = { snapshot, bytes };
    this.#snapshots.set(prefix, read);
    return read;
  }

  /** @throws StoreError as of `Store.put` */
  async put(key: string, value: Uint8Array, options: PutOptions): Promise<number> {
    return this.#write(key, headersLength(key, options.revision), () => this.store.put(key, value, options));
  }

  /** @throws StoreError as of `Store.delete` */
  async delete(key: string, revision: number): Promise<void> {
    await this.#write(key, headersLength(key, revision, true), () => this.store.delete(key, revision));
    this.deleted.set(key, this.time.clock());
  }

  sent(bytes: number): void {
    const second = Math.floor(this.time.clock() / SECOND);
    while (this.#sent.length <= second) this.#sent.push(0);
    this.#sent[second] += bytes;
  }

  /** Most bytes that it sent in one second since a time, in milliseconds. */
  peak(since: number): number {
    return this.#sent.slice(Math.floor(since / SECOND)).reduce((most, bytes) => Math.max(most, bytes), 0);
  }

  /** Readers hear of a write before its answer comes, so its headers are known before. */
  async #write<T>(key: string, headers: number, write: () => Promise<T>): Promise<T> {
    const before = this.headersOf(key);
    this.#headers.set(key, headers);
    try {
      const result = await write();
      this.#revision++;
      for (const prefix of this.#snapshots.keys()) if (hasPrefix(key, prefix)) this.#snapshots.delete(prefix);
      return result;
    } catch (error) {
      this.#headers.set(key, before);
      throw error;
    }
  }
}
