/** This node's lease in the store: taken at the start, renewed while it runs, taken again if it was lost. */
import { isVtepError } from '../../error.js';
import { inQuotes } from '../../text/plain-text.js';
import { encodeRecord, recordKey } from '../records/records.js';
import type { NodeRecord } from '../records/schemas.js';
import { Lease, type LeaseOptions } from '../store/lease.js';
import { LeaseObserver } from '../store/lease-observer.js';
import type { Store } from '../store/store.js';
import { FleetNodeError } from './error.js';

export interface RegistrationOptions extends LeaseOptions {
  readonly node: NodeRecord;
  /** Monotonic clock, in milliseconds. */
  readonly clock: () => number;
  readonly tell: (text: string) => void;
}

/** Renewals that fit into the duration. */
const RENEWALS = 3;

/** The registration of a node. It has no timer: call `turn` several times per renewal. */
export class Registration {
  readonly #store: Store;
  readonly #options: RegistrationOptions;
  readonly #value: Uint8Array;
  #lease: Lease | undefined;
  #renewAt = 0;
  /** Who holds the key, as far as this node has seen, while it waits for it. */
  readonly #holder = new LeaseObserver();
  #holderRevision: number | undefined;
  #toldWaiting = false;

  constructor(store: Store, options: RegistrationOptions) {
    this.#store = store;
    this.#options = options;
    this.#value = encodeRecord({ kind: 'node', record: options.node });
  }

  get key(): string {
    return recordKey({ kind: 'node', record: this.#options.node });
  }

  /** Whether this node has its lease, as far as it knows. */
  get held(): boolean {
    return this.#lease !== undefined;
  }

  /**
   * Takes the lease, or looks whether its holder is alive. One that an earlier run of this node left behind is withdrawn
   * after its whole duration.
   * @returns whether this node has the lease; if not, call again
   * @throws FleetNodeError `NODE_RUNNING` if another holder renews it; StoreError
   */
  async begin(): Promise<boolean> {
    const { clock, tell, node } = this.#options;
    try {
      await this.#take();
      return true;
    } catch (error) {
      if (!hasCode(error, 'CONFLICT')) throw error;
    }
    const record = await this.#store.get(this.key);
    if (record === undefined) return false;
    if (this.#holderRevision !== undefined && this.#holderRevision !== record.revision) {
      throw new FleetNodeError(
        'NODE_RUNNING',
        `a node ${inQuotes(node.name)} runs already: it renews its lease; nodes of one store need different names`,
      );
    }
    if (this.#holderRevision === undefined) this.#holder.observe({ kind: 'put', ...record }, clock());
    this.#holderRevision = record.revision;
    if (!this.#toldWaiting) tell(`waiting for the lease of an earlier node ${inQuotes(node.name)} to run out`);
    this.#toldWaiting = true;
    await this.#holder.withdraw(this.#store, clock());
    return false;
  }

  /**
   * Renews the lease if it is time, and takes it again if it was lost.
   * @throws StoreError; the next turn tries again
   */
  async turn(): Promise<void> {
    const { clock, duration, tell } = this.#options;
    if (!this.#store.connected || clock() < this.#renewAt) return;
    if (this.#lease !== undefined) {
      const sent = clock();
      try {
        await this.#lease.renew();
        this.#renewAt = sent + duration / RENEWALS;
        return;
      } catch (error) {
        if (!hasCode(error, 'LEASE_LOST')) throw error;
        this.#lease = undefined;
      }
    }
    try {
      await this.#take();
      tell("this node's lease had run out, and is taken again");
    } catch (error) {
      if (!hasCode(error, 'CONFLICT')) throw error;
      this.#renewAt = clock() + duration / RENEWALS;
      tell('another node has taken the name of this one; it is not registered until that one is gone');
    }
  }

  /** Gives the lease up. @throws StoreError as of `Lease.release`, except `LEASE_LOST` */
  async release(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    try {
      await lease?.release();
    } catch (error) {
      if (!hasCode(error, 'LEASE_LOST') && !hasCode(error, 'CONFLICT')) throw error;
    }
  }

  async #take(): Promise<void> {
    const { clock, duration, token } = this.#options;
    const sent = clock();
    this.#lease = await Lease.take(this.#store, this.key, this.#value, { duration, token });
    this.#renewAt = sent + duration / RENEWALS;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return isVtepError(error) && error.code === code;
}
