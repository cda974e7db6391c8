/** The leader's duty to withdraw nodes that don't renew their leases: then the others stop sending packets to them. */
import { isVtepError } from '../../error.js';
import { plain } from '../../text/plain-text.js';
import { nameOf } from '../records/key-segment.js';
import { LEASES, NODES } from '../records/records.js';
import { LeaseObserver } from '../store/lease-observer.js';
import { decodeLease } from '../store/lease-record.js';
import { type Store, type StoreChange, type StoreSnapshot } from '../store/store.js';
import { readStore } from '../store/store-reader.js';
import { type LeaderDuty, type Leadership } from './leader.js';

/** Milliseconds for an answer, after which a store has hung. */
const SLOW_MS = 1000;

export interface NodeWithdrawalOptions {
  /** A monotonic clock, in milliseconds. */
  readonly clock: () => number;
  /** Milliseconds after which a node's record goes that has no lease, as when its leader died between two writes. */
  readonly duration: number;
  /** Receives a line about each node that is withdrawn. */
  readonly onEvent?: (text: string) => void;
}

/** One term's reading of the store. */
interface Watch {
  readonly term: Leadership;
  readonly ending: AbortController;
  /** What a turn has to report: why reading failed. */
  failure: Error | undefined;
}

/**
 * Watches the leases while its node leads, and withdraws those that weren't renewed for their whole duration: first the
 * lease, then the node's record. A new leader gives every lease its whole duration again, and so does one whose
 * connection is back. Both deletions are a compare-and-set on what was seen before the first one, and a node that takes
 * its lease again also writes its record again, so one that comes back meanwhile keeps both.
 */
export class NodeWithdrawal implements LeaderDuty {
  readonly name = 'withdrawal';
  readonly #store: Store;
  readonly #options: NodeWithdrawalOptions;
  #watch: Watch | undefined;
  /** All leases and records are known, and the connection is there. */
  #current = false;
  readonly #leases = new LeaseObserver();
  /** Revisions of the nodes' records, by key. */
  readonly #records = new Map<string, number>();
  /** Since when a node's record is known to have no lease, by its key. */
  readonly #orphans = new Map<string, number>();
  #withdrawn = 0;

  constructor(store: Store, options: NodeWithdrawalOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Nodes that this one has withdrawn. */
  get withdrawn(): number {
    return this.#withdrawn;
  }

  /**
   * Withdraws what is stale. A store that was slow to answer, or failed, may not have taken renewals, so every lease has
   * its whole duration again.
   * @throws StoreError as of `Store.get` and `Store.delete`, except `CONFLICT`; `NOT_LEADER`
   */
  async turn(leadership: Leadership): Promise<void> {
    const { clock } = this.#options;
    if (this.#watch?.term !== leadership) this.#begin(leadership);
    this.#throwFailure();
    const now = clock();
    const [stale, orphans] = this.#current ? [this.#leases.stale(now), this.#oldOrphans(now)] : [[], []];
    const first = stale.at(0) ?? orphans.at(0);
    if (first === undefined || !this.#store.connected) return;
    try {
      await this.#store.get(first);
      if (clock() - now > SLOW_MS) {
        this.#startAgain();
        return;
      }
      for (const key of stale) await this.#withdraw(key, leadership);
      for (const key of orphans) await this.#removeOrphan(key, leadership);
    } catch (error) {
      // A store that can't be written takes no renewals either: a cluster elects a leader for seconds.
      this.#startAgain();
      throw error;
    }
  }

  end(): void {
    this.#watch?.ending.abort();
    this.#watch = undefined;
    this.#current = false;
  }

  #begin(term: Leadership): void {
    this.end();
    const watch: Watch = { term, ending: new AbortController(), failure: undefined };
    this.#watch = watch;
    const listener = {
      snapshot: (snapshot: StoreSnapshot): void => {
        if (this.#watch === watch) this.#replace(snapshot);
      },
      change: (change: StoreChange): void => {
        if (this.#watch === watch) this.#observe(change);
      },
      failed: (error: Error): void => {
        watch.failure = error;
        if (this.#watch === watch) this.#current = false;
      },
    };
    readStore(this.#store, [LEASES, NODES], listener, watch.ending.signal).catch((error: unknown) => {
      watch.failure = error as Error;
    });
  }

  #throwFailure(): void {
    const failure = this.#watch?.failure;
    if (this.#watch === undefined || failure === undefined) return;
    // A defect has ended the reading: it is reported, and reading begins again.
    if (isVtepError(failure)) this.#watch.failure = undefined;
    else this.end();
    throw failure;
  }

  #replace({ records, revision }: StoreSnapshot): void {
    const leases = records.filter(({ key }) => key.startsWith(LEASES));
    this.#leases.start({ records: leases, revision }, this.#options.clock());
    this.#records.clear();
    this.#orphans.clear();
    for (const { key, revision: at } of records) if (key.startsWith(NODES)) this.#records.set(key, at);
    this.#current = true;
  }

  #observe(change: StoreChange): void {
    if (!('key' in change)) {
      this.#current = change.kind === 'resumed';
      this.#startAgain(change.kind);
    } else if (change.key.startsWith(LEASES)) {
      this.#leases.observe(change, this.#options.clock());
      this.#orphans.delete(NODES + change.key.slice(LEASES.length));
    } else {
      this.#orphans.delete(change.key);
      if (change.kind === 'put') this.#records.set(change.key, change.revision);
      else this.#records.delete(change.key);
    }
  }

  /** Every lease has its whole duration again. */
  #startAgain(kind: 'lost' | 'resumed' = 'resumed'): void {
    this.#leases.observe({ kind }, this.#options.clock());
    this.#orphans.clear();
  }

  /** Takes up records that have no lease. @returns those that have had none for the whole duration */
  #oldOrphans(now: number): string[] {
    const old: string[] = [];
    for (const key of this.#records.keys()) {
      if (this.#leases.has(leaseOf(key))) continue;
      const since = this.#orphans.get(key);
      if (since === undefined) this.#orphans.set(key, now);
      else if (now - since >= this.#options.duration) old.push(key);
    }
    return old;
  }

  async #withdraw(lease: string, leadership: Leadership): Promise<void> {
    const key = NODES + lease.slice(LEASES.length);
    // Before the lease goes: the record may be that of a node that is back, afterwards.
    const revision = this.#records.get(key);
    leadership.check();
    if (!(await this.#leases.withdrawOne(this.#store, lease))) return;
    this.#tell(key, 'its lease was not renewed in its time');
    leadership.check();
    if (revision !== undefined) await this.#deleteRecord(key, revision);
  }

  async #removeOrphan(key: string, leadership: Leadership): Promise<void> {
    const revision = this.#records.get(key);
    if (revision === undefined || !this.#orphans.has(key)) return;
    // Two watches needn't be equally fast.
    const lease = await this.#store.get(leaseOf(key));
    if (lease !== undefined && decodeLease(lease.value) !== undefined) {
      this.#orphans.delete(key);
      return;
    }
    leadership.check();
    if (await this.#deleteRecord(key, revision)) this.#tell(key, 'it has a record but no lease');
  }

  async #deleteRecord(key: string, revision: number): Promise<boolean> {
    try {
      await this.#store.delete(key, revision);
      return true;
    } catch (error) {
      if (isVtepError(error) && error.code === 'CONFLICT') return false;
      throw error;
    } finally {
      this.#orphans.delete(key);
    }
  }

  #tell(key: string, why: string): void {
    this.#withdrawn++;
    const segment = key.slice(NODES.length);
    this.#options.onEvent?.(`node ${plain(nameOf(segment) ?? segment)} is withdrawn: ${why}`);
  }
}

function leaseOf(record: string): string {
  return LEASES + record.slice(NODES.length);
}
