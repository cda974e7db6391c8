/** This node in the store: its lease, which it renews while it runs, and its record, which the others follow. */
import { isVtepError } from '../../error.js';
import { inQuotes } from '../../text/plain-text.js';
import { encodeRecord, leaseKey, recordKey } from '../records/records.js';
import type { NodeRecord } from '../records/schemas.js';
import { Lease, type LeaseOptions } from '../store/lease.js';
import { LeaseObserver } from '../store/lease-observer.js';
import { decodeLease, encodeLease, TOKEN_LENGTH } from '../store/lease-record.js';
import type { Store, StoreChange, StoreRecord } from '../store/store.js';
import { FleetNodeError } from './error.js';

export interface RegistrationOptions extends LeaseOptions {
  readonly node: NodeRecord;
  /** Monotonic clock, in milliseconds. */
  readonly clock: () => number;
  readonly tell: (text: string) => void;
}

/** Renewals that fit into the duration. */
const RENEWALS = 3;

const NO_VALUE = new Uint8Array(0);

/**
 * The registration of a node. The lease is taken before the record is written, and given up after it is deleted, so a
 * record without a lease is one that somebody left behind. It has no timer: call `turn` several times per renewal.
 */
export class Registration {
  readonly #store: Store;
  readonly #options: RegistrationOptions;
  readonly #leaseKey: string;
  readonly #key: string;
  readonly #value: Uint8Array;
  #lease: Lease | undefined;
  #renewAt = 0;
  /** The last change of the record that this node made or saw, and whether the record is this node's own since. */
  #revision = 0;
  #isWritten = false;
  #writeAt = 0;
  /** Who holds the key, as far as this node has seen, while it waits for it. */
  readonly #holder = new LeaseObserver();
  #holderRevision: number | undefined;
  #toldWaiting = false;
  #toldTaken = false;

  constructor(store: Store, options: RegistrationOptions) {
    this.#store = store;
    this.#options = options;
    this.#leaseKey = leaseKey(options.node.name);
    this.#key = recordKey({ kind: 'node', record: options.node });
    this.#value = encodeRecord({ kind: 'node', record: options.node });
  }

  /** Whether this node has its lease and its record, as far as it knows. */
  get held(): boolean {
    return this.#lease !== undefined && this.#isWritten;
  }

  /**
   * Takes the lease and writes the record, or looks whether the lease's holder is alive. One that an earlier run of this
   * node left behind is withdrawn after its whole duration.
   * @returns whether this node is registered; if not, call again
   * @throws FleetNodeError `NODE_RUNNING` if another holder renews the lease; StoreError
   */
  async begin(): Promise<boolean> {
    try {
      await this.#take();
    } catch (error) {
      if (!hasCode(error, 'CONFLICT')) throw error;
      await this.#lookAtHolder();
      return false;
    }
    await this.#write();
    return this.#isWritten;
  }

  /** Takes up the records of a snapshot. */
  start(records: readonly StoreRecord[]): void {
    const record = records.find(({ key }) => key === this.#key);
    this.#revision = record?.revision ?? 0;
    this.#isWritten = record !== undefined && this.#isOwn(record.value);
  }

  /** Takes up a change that a watch reports. */
  observe(change: StoreChange): void {
    if (!('key' in change) || change.key !== this.#key || change.revision <= this.#revision) return;
    this.#revision = change.revision;
    this.#isWritten = change.kind === 'put' && this.#isOwn(change.value);
  }

  /**
   * Renews the lease if it is time, takes it again if it was lost, and writes the record again if it is gone.
   * @throws StoreError; the next turn tries again
   */
  async turn(): Promise<void> {
    const { clock, duration, tell } = this.#options;
    if (!this.#store.connected) return;
    if (clock() >= this.#renewAt) await this.#keep();
    if (this.held || this.#lease === undefined || clock() < this.#writeAt) return;
    await this.#write();
    if (!this.#isWritten) return;
    // Whoever else writes it isn't answered at once.
    this.#writeAt = clock() + duration / RENEWALS;
    tell("this node's record was gone, and is written again");
  }

  /**
   * Deletes the record, then gives the lease up; neither if another node has the lease.
   * @throws StoreError as of `Lease.renew` and `Lease.release`, except `LEASE_LOST`
   */
  async release(): Promise<void> {
    const lease = this.#lease;
    if (lease === undefined) return;
    this.#lease = undefined;
    try {
      // The record is this node's to delete only while it has the lease.
      await lease.renew();
      if (this.#isWritten) await this.#store.delete(this.#key, this.#revision);
    } catch (error) {
      if (hasCode(error, 'LEASE_LOST')) return;
      if (!hasCode(error, 'CONFLICT')) throw error;
    }
    try {
      await lease.release();
    } catch (error) {
      if (!hasCode(error, 'LEASE_LOST') && !hasCode(error, 'CONFLICT')) throw error;
    }
  }

  async #keep(): Promise<void> {
    const { clock, duration, tell } = this.#options;
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
      this.#toldTaken = false;
    } catch (error) {
      if (!hasCode(error, 'CONFLICT')) throw error;
      this.#renewAt = clock() + duration / RENEWALS;
      if (!this.#toldTaken) {
        tell('another node has taken the name of this one; it is not registered until that one is gone');
      }
      this.#toldTaken = true;
    }
  }

  async #take(): Promise<void> {
    const { clock, duration, token } = this.#options;
    const sent = clock();
    this.#lease = await Lease.take(this.#store, this.#leaseKey, NO_VALUE, { duration, token });
    this.#renewAt = sent + duration / RENEWALS;
    // Also one that is there is written again: who withdrew the lease may be about to delete the revision it has.
    this.#isWritten = false;
    this.#writeAt = 0;
  }

  /** Writes the record, unless somebody else does at the same time. */
  async #write(): Promise<void> {
    const there = await this.#store.get(this.#key);
    try {
      const revision = await this.#store.put(this.#key, this.#value, { revision: there?.revision ?? 0 });
      // The watch may have reported later changes.
      if (revision <= this.#revision) return;
      this.#revision = revision;
      this.#isWritten = true;
    } catch (error) {
      if (!hasCode(error, 'CONFLICT')) throw error;
    }
  }

  async #lookAtHolder(): Promise<void> {
    const { clock, tell, node, duration } = this.#options;
    const record = await this.#store.get(this.#leaseKey);
    if (record === undefined) return;
    if (this.#holderRevision !== undefined && this.#holderRevision !== record.revision) {
      throw new FleetNodeError(
        'NODE_RUNNING',
        `a node ${inQuotes(node.name)} runs already: it renews its lease; nodes of one store need different names`,
      );
    }
    if (this.#holderRevision === undefined) {
      // What isn't a lease must not keep this node out for ever.
      const nobody = { duration, token: new Uint8Array(TOKEN_LENGTH), value: NO_VALUE };
      const value = decodeLease(record.value) === undefined ? encodeLease(nobody) : record.value;
      this.#holder.observe({ ...record, kind: 'put', value }, clock());
    }
    this.#holderRevision = record.revision;
    if (!this.#toldWaiting) tell(`waiting for the lease of an earlier node ${inQuotes(node.name)} to run out`);
    this.#toldWaiting = true;
    await this.#holder.withdraw(this.#store, clock());
  }

  #isOwn(value: Uint8Array): boolean {
    return value.length === this.#value.length && value.every((byte, index) => byte === this.#value[index]);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return isVtepError(error) && error.code === code;
}
