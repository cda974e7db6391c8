/** The leader's duty to forget old deletions, which a store would keep for ever. */
import { type Store, type StoreChange } from '../store/store.js';
import { type LeaderDuty } from './leader.js';

const HOUR = 3_600_000;
/** A prefix with few records. */
const SMALL = 'keys/';

export interface StoreCompactionOptions {
  /** A monotonic clock, in milliseconds. */
  readonly clock: () => number;
  /**
   * How long deletions are kept at least, in milliseconds: a node that was disconnected for less resumes without a new
   * snapshot. They are kept for at most twice as long, plus the time without a leader.
   * @default 3600000 (an hour)
   */
  readonly keep?: number;
}

/**
 * Compacts the store to a revision that is old enough. Every node follows the revisions, so a new leader goes on. Not
 * fenced: to compact twice, or to an older revision, changes nothing.
 */
export class StoreCompaction implements LeaderDuty {
  readonly name = 'compaction';
  readonly #store: Store;
  readonly #clock: () => number;
  readonly #keep: number;
  /** The revision now, and those seen at the last two moments that are `keep` apart. */
  #revision = 0;
  #mark: { readonly revision: number; readonly at: number } | undefined;
  #old = 0;
  #compacted = 0;

  constructor(store: Store, { clock, keep = HOUR }: StoreCompactionOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#keep = keep;
  }

  observe(change: StoreChange): void {
    if (change.kind !== 'put' && change.kind !== 'delete') return;
    // Of two watches, each reports its changes in order.
    this.#revision = Math.max(this.#revision, change.revision);
    this.#advance();
  }

  /** @throws StoreError as of `Store.snapshot` and `Store.compact` */
  async turn(): Promise<void> {
    this.#advance();
    if (this.#old <= this.#compacted) return;
    const { revision } = await this.#store.snapshot(SMALL);
    if (revision < this.#revision) {
      // The store lost writes or was made anew: revisions of before mean nothing.
      this.#revision = revision;
      this.#mark = undefined;
      this.#old = 0;
      this.#compacted = 0;
      return;
    }
    const old = this.#old;
    await this.#store.compact(old);
    this.#compacted = old;
  }

  #advance(): void {
    const at = this.#clock();
    if (this.#mark !== undefined && at - this.#mark.at < this.#keep) return;
    this.#old = this.#mark?.revision ?? 0;
    this.#mark = { revision: this.#revision, at };
  }
}
