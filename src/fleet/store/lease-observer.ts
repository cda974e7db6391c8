/** Withdraws leases that were not renewed in time. */
import { isVtepError } from '../../error.js';
import { decodeLease } from './lease-record.js';
import { type Store, type StoreChange, type StoreSnapshot } from './store.js';

interface ObservedLease {
  revision: number;
  duration: number;
  /** When the observer saw the last renewal, by its own monotonic clock. */
  since: number;
}

/**
 * Watches leases for silence. It has no clock: every call gets the time of one monotonic clock, in milliseconds.
 *
 * A lease is stale when its observer, connected all the time, saw no renewal for the whole duration. What the observer
 * could not have seen doesn't count: a new observer, and one whose connection is back, gives every lease its whole
 * duration again. Then it deletes the record, if it still has the revision that was seen. So a renewal that is under
 * way wins, any number of observers can do this at once, and one of them succeeds.
 *
 * A store that can't be written doesn't take renewals either, even if the connection is up: a cluster elects a leader
 * for seconds. So a withdrawal that fails counts as an outage.
 */
export class LeaseObserver {
  readonly #leases = new Map<string, ObservedLease>();
  /** The connection was lost, and renewals that it missed are yet to be reported. */
  #isBlind = false;

  /** Leases that are observed; at most as many as the store has records. */
  get size(): number {
    return this.#leases.size;
  }

  /** Takes up the leases of a snapshot, and forgets all others. */
  start({ records }: StoreSnapshot, now: number): void {
    this.#leases.clear();
    this.#isBlind = false;
    for (const { key, value, revision } of records) this.#put(key, value, revision, now);
  }

  /** Takes up a change that a watch reports. */
  observe(change: StoreChange, now: number): void {
    if (change.kind === 'put') this.#put(change.key, change.value, change.revision, now);
    else if (change.kind === 'delete') this.#leases.delete(change.key);
    else {
      this.#isBlind = change.kind === 'lost';
      for (const lease of this.#leases.values()) lease.since = now;
    }
  }

  /** The keys of stale leases; none from a lost connection until the watch has resumed. */
  stale(now: number): string[] {
    if (this.#isBlind) return [];
    return [...this.#leases].filter(([, { since, duration }]) => now - since >= duration).map(([key]) => key);
  }

  /** Whether there is a lease under this key, as far as the observer has seen. */
  has(key: string): boolean {
    return this.#leases.has(key);
  }

  /** When the next lease gets stale, on the same clock; Infinity if there is none. */
  nextStale(): number {
    let next = Infinity;
    for (const { since, duration } of this.#leases.values()) next = Math.min(next, since + duration);
    return next;
  }

  /**
   * Deletes the records of stale leases.
   * @returns the keys that this observer withdrew; not those that were renewed or withdrawn by others meanwhile
   * @throws StoreError as of `Store.delete`, except `CONFLICT`; then every lease has its whole duration again
   */
  async withdraw(store: Store, now: number): Promise<string[]> {
    if (!store.connected) return [];
    const withdrawn: string[] = [];
    try {
      for (const key of this.stale(now)) if (await this.withdrawOne(store, key)) withdrawn.push(key);
    } catch (error) {
      for (const each of this.#leases.values()) each.since = Math.max(each.since, now);
      throw error;
    }
    return withdrawn;
  }

  /**
   * Deletes the record of a lease that `stale` has named.
   * @returns whether this observer withdrew it: not if it was renewed or withdrawn by others meanwhile
   * @throws StoreError as of `Store.delete`, except `CONFLICT`
   */
  async withdrawOne(store: Store, key: string): Promise<boolean> {
    const lease = this.#leases.get(key);
    if (lease === undefined) return false;
    let withdrawn = true;
    try {
      await store.delete(key, lease.revision);
    } catch (error) {
      if (!isVtepError(error) || error.code !== 'CONFLICT') throw error;
      withdrawn = false;
    }
    // The watch reports what became of it, unless it already has.
    if (this.#leases.get(key) === lease) this.#leases.delete(key);
    return withdrawn;
  }

  #put(key: string, value: Uint8Array, revision: number, now: number): void {
    const lease = decodeLease(value);
    if (lease === undefined) this.#leases.delete(key);
    else this.#leases.set(key, { revision, duration: lease.duration, since: now });
  }
}
