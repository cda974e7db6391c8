/** Withdraws other nodes' leases that were not renewed in their whole time. */
import { NODES } from '../records/records.js';
import { LeaseObserver } from '../store/lease-observer.js';
import type { Store, StoreChange, StoreRecord } from '../store/store.js';

/** Milliseconds for an answer, after which a store has hung. */
const SLOW_MS = 1000;

/** The leases of all other nodes. It has no timer. */
export class StaleNodes {
  readonly #store: Store;
  readonly #own: string;
  readonly #clock: () => number;
  readonly #observer = new LeaseObserver();
  #withdrawn = 0;

  /** @param own key of this node's lease, which others withdraw */
  constructor(store: Store, own: string, clock: () => number) {
    this.#store = store;
    this.#own = own;
    this.#clock = clock;
  }

  /** Leases that this node has withdrawn. */
  get withdrawn(): number {
    return this.#withdrawn;
  }

  /** Takes up a snapshot: every lease has its whole time again. */
  start(records: readonly StoreRecord[], revision: number): void {
    this.#observer.start({ revision, records: records.filter(({ key }) => this.#isOther(key)) }, this.#clock());
  }

  observe(change: StoreChange): void {
    const isConnection = change.kind === 'lost' || change.kind === 'resumed';
    if (isConnection || this.#isOther(change.key)) this.#observer.observe(change, this.#clock());
  }

  /**
   * Withdraws those that are stale. A store that was slow to answer has hung: renewals may wait there, so every lease
   * has its whole time again.
   * @returns their keys
   * @throws StoreError as of `LeaseObserver.withdraw`
   */
  async turn(): Promise<readonly string[]> {
    const now = this.#clock();
    if (now < this.#observer.nextStale()) return [];
    const first = this.#observer.stale(now).at(0);
    if (first === undefined || !this.#store.connected) return [];
    await this.#store.get(first);
    if (this.#clock() - now > SLOW_MS) {
      this.#observer.observe({ kind: 'resumed' }, this.#clock());
      return [];
    }
    const keys = await this.#observer.withdraw(this.#store, this.#clock());
    this.#withdrawn += keys.length;
    return keys;
  }

  #isOther(key: string): boolean {
    return key.startsWith(NODES) && key !== this.#own;
  }
}
