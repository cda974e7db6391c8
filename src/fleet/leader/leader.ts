/** Elects one node of an overlay to do what only one may do, by a lease. */
import { isVtepError, type VtepError } from '../../error.js';
import { plain } from '../../text/plain-text.js';
import { StoreError } from '../error.js';
import { LEADER } from '../records/records.js';
import { Lease } from '../store/lease.js';
import { LeaseObserver } from '../store/lease-observer.js';
import { decodeLease, encodeLease, TOKEN_LENGTH } from '../store/lease-record.js';
import { type Store, type StoreChange } from '../store/store.js';

/** A renewal is due when this part of the lease has passed. */
const RENEWALS = 3;
/** Longest name of a leader that is shown. */
const MAX_NAME = 128;

/** A node's term as leader. */
export interface Leadership {
  /** The revision of the store at which the term began: higher than that of every earlier term, of any node. */
  readonly revision: number;
  /**
   * Call it right before each write.
   * @throws StoreError `NOT_LEADER` if the term is over
   */
  check(): void;
}

/**
 * What a leader does. A leader can lose its lease between `check()` and the arrival of its write, so each write must be
 * a compare-and-set on a revision that a successor's write changes, or do no harm twice.
 */
export interface LeaderDuty {
  /** For events. */
  readonly name: string;
  /** Called about once a second while this node leads; never twice at a time. What it throws is reported. */
  turn(leadership: Leadership): Promise<void>;
  /** Gets every change that the leader observes, whether this node leads or not. */
  observe?(change: StoreChange): void;
  /** Called when a term is over: what the duty does between its turns ends. */
  end?(): void;
}

/** What happens to a node's leadership. */
export type LeaderEvent =
  | { readonly kind: 'elected'; readonly revision: number }
  | { readonly kind: 'lost'; readonly revision: number }
  /** A duty failed, or the election itself (`duty` is `election`). It is tried again at the next turn. */
  | { readonly kind: 'failed'; readonly duty: string; readonly error: VtepError };

export interface LeaderOptions {
  /** Name of this node. */
  readonly node: string;
  /** 16 random bytes of this process. */
  readonly token: Uint8Array;
  /** Milliseconds without a renewal after which another node may take over: 100 to 86,400,000. */
  readonly duration: number;
  /** A monotonic clock, in milliseconds. It is never compared with another host's. */
  readonly clock: () => number;
  readonly duties: readonly LeaderDuty[];
  readonly onEvent?: (event: LeaderEvent) => void;
}

/**
 * A candidate: leads if nobody else does. It has no timer: call `turn()` at least four times per duration, also while an
 * earlier call is under way, as that one may be busy with a long duty.
 *
 * The time of a lease counts from when its renewal was sent, by the leader's clock, and from when the renewal was seen,
 * by that of the others. So a leader stops before another begins, as long as their clocks run at the same rate. What
 * is written while they don't, or on its way meanwhile, is fenced by the compare-and-set of each duty.
 */
export class Leader {
  readonly #store: Store;
  readonly #options: LeaderOptions;
  readonly #observer = new LeaseObserver();
  #lease: Lease | undefined;
  /** When the last renewal that succeeded was sent. */
  #renewed = 0;
  #term: Leadership | undefined;
  #termRevision = 0;
  #holder: string | undefined;
  /** The lease in the store has this node's token. */
  #own = false;
  #election: Promise<void> | undefined;
  /** Duties whose turn is under way. */
  readonly #busy = new Set<LeaderDuty>();
  #released = false;

  constructor(store: Store, options: LeaderOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Whether this node leads: it holds the lease, and renewed it in time. */
  get leads(): boolean {
    return this.#term !== undefined && this.#options.clock() - this.#renewed < this.#options.duration;
  }

  /** The name of the node that leads, as far as this one knows. */
  get holder(): string | undefined {
    return this.#holder;
  }

  /**
   * Takes up a change that a watch reports: give it all of them, whatever their keys. Without them, it takes up to twice
   * the duration until another takes over.
   */
  observe(change: StoreChange): void {
    if (change.kind === 'lost' || change.kind === 'resumed') {
      this.#observer.observe(change, this.#options.clock());
    } else if (change.key === LEADER) {
      this.#see(change.kind === 'put' ? change.value : undefined, change.revision);
    }
    for (const duty of this.#options.duties) duty.observe?.(change);
  }

  /**
   * Renews the lease, or takes it if nobody holds it; then, if this node leads, gives each duty its turn that isn't at
   * one: none waits for another. Doesn't reject: failures are events, and the next turn tries again.
   */
  async turn(): Promise<void> {
    await (this.#election ??= this.#elect().finally(() => (this.#election = undefined)));
    await Promise.all(this.#options.duties.map((duty) => this.#turnOf(duty)));
  }

  async #turnOf(duty: LeaderDuty): Promise<void> {
    const term = this.#term;
    if (term === undefined || !this.leads || this.#busy.has(duty)) return;
    this.#busy.add(duty);
    try {
      await this.#attempt(duty.name, () => duty.turn(term));
    } finally {
      this.#busy.delete(duty);
    }
  }

  /**
   * Stops: gives the lease up if this node holds it, so that another can lead at once. Later turns do nothing.
   * @throws StoreError as of `Store.delete`; then the lease runs out by itself
   */
  async release(): Promise<void> {
    this.#released = true;
    await this.#election;
    const lease = this.#lease;
    this.#lease = undefined;
    this.#endTerm();
    try {
      await lease?.release();
    } catch (error) {
      if (codeOf(error) !== 'LEASE_LOST' && codeOf(error) !== 'CONFLICT') throw error;
    }
  }

  async #elect(): Promise<void> {
    if (this.#released) return;
    if (this.#store.connected) {
      await this.#attempt('election', () => (this.#lease ? this.#renew(this.#lease) : this.#campaign()));
    }
    if (this.#lease !== undefined && !this.leads) this.#lose();
  }

  async #renew(lease: Lease): Promise<void> {
    const { clock, duration } = this.#options;
    const sent = clock();
    if (sent - this.#renewed < duration / RENEWALS) return;
    try {
      await lease.renew();
      // One that was answered too late doesn't continue the term: others may have acted on its end.
      if (this.leads) this.#renewed = sent;
    } catch (error) {
      if (codeOf(error) !== 'LEASE_LOST') throw error;
      this.#lose();
    }
  }

  async #campaign(): Promise<void> {
    const { node, token, duration, clock } = this.#options;
    if (!this.#own && this.#observer.size > 0) await this.#observer.withdraw(this.#store, clock());
    if (!this.#own && this.#observer.size > 0) return;
    const sent = clock();
    try {
      const lease = await Lease.take(this.#store, LEADER, new TextEncoder().encode(node), { duration, token });
      this.#own = true;
      this.#holder = node;
      // Answered too late: the next turn takes it again, by its token.
      if (clock() - sent >= duration) return;
      this.#lease = lease;
      this.#renewed = sent;
      this.#termRevision = lease.revision;
      this.#term = this.#termOf(lease.revision);
      this.#options.onEvent?.({ kind: 'elected', revision: lease.revision });
    } catch (error) {
      if (codeOf(error) !== 'CONFLICT') throw error;
      const record = await this.#store.get(LEADER);
      if (record !== undefined) this.#see(record.value, record.revision);
    }
  }

  /** @param value undefined: nobody holds the lease at this revision */
  #see(value: Uint8Array | undefined, revision: number): void {
    const { token, duration, clock } = this.#options;
    const lease = value && decodeLease(value);
    this.#own = lease?.token.every((byte, index) => byte === token[index]) ?? false;
    this.#holder = lease && plain(new TextDecoder().decode(lease.value.subarray(0, MAX_NAME)));
    if (value === undefined) {
      this.#observer.observe({ kind: 'delete', key: LEADER, revision }, clock());
      return;
    }
    // What isn't a lease must not keep everyone from leading for ever.
    const nobody = { duration, token: new Uint8Array(TOKEN_LENGTH), value: new Uint8Array(0) };
    const seen = lease === undefined ? encodeLease(nobody) : value;
    this.#observer.observe({ kind: 'put', key: LEADER, value: seen, revision }, clock());
  }

  #termOf(revision: number): Leadership {
    const term: Leadership = {
      revision,
      check: () => {
        if (this.#term === term && this.leads) return;
        throw new StoreError('NOT_LEADER', `this node's term as leader, from revision ${revision} on, is over`);
      },
    };
    return term;
  }

  #lose(): void {
    this.#lease = undefined;
    this.#endTerm();
    this.#options.onEvent?.({ kind: 'lost', revision: this.#termRevision });
  }

  #endTerm(): void {
    this.#term = undefined;
    for (const duty of this.#options.duties) duty.end?.();
  }

  /** Reports what vtep throws; a bug is thrown. */
  async #attempt(duty: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isVtepError(error)) throw error;
      this.#options.onEvent?.({ kind: 'failed', duty, error });
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return isVtepError(error) ? error.code : undefined;
}
