/** A key that disappears unless its holder renews it in time. */
import { isVtepError } from '../../error.js';
import { StoreError } from '../error.js';
import { decodeLease, encodeLease } from './lease-record.js';
import { type Store } from './store.js';

export interface LeaseOptions {
  /** Milliseconds, 100 to 86,400,000. Renew about three times in it. */
  readonly duration: number;
  /** 16 random bytes of the holder's own; the same ones take its lease up again after a restart. */
  readonly token: Uint8Array;
}

/**
 * A held lease. It has no timer: the holder calls `renew()` well within the duration. Others withdraw it with a
 * `LeaseObserver`, by the silence that they observe, so clocks of different machines are never compared.
 */
export class Lease {
  readonly key: string;
  readonly #store: Store;
  readonly #options: LeaseOptions;
  #value: Uint8Array;
  #revision: number;

  private constructor(store: Store, key: string, value: Uint8Array, options: LeaseOptions, revision: number) {
    this.#store = store;
    this.key = key;
    this.#value = value;
    this.#options = options;
    this.#revision = revision;
  }

  /**
   * Takes a key that nobody holds, or that this token holds.
   * @throws StoreError `CONFLICT` if another holds it, `BAD_LEASE`, and as of `Store.put`
   */
  static async take(store: Store, key: string, value: Uint8Array, options: LeaseOptions): Promise<Lease> {
    const record = encodeLease({ ...options, value });
    try {
      return new Lease(store, key, value, options, await store.put(key, record, { revision: 0 }));
    } catch (error) {
      const own = isConflict(error) ? await ownRevision(store, key, options.token) : undefined;
      if (own === undefined) throw error;
      return new Lease(store, key, value, options, await store.put(key, record, { revision: own }));
    }
  }

  /** That of the last renewal. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Renews the lease. After `UNAVAILABLE` or `OUTCOME_UNKNOWN`, call it again: the lease may still be held.
   * @param value @default the value it has
   * @throws StoreError `LEASE_LOST` if it was withdrawn or another holds it, and as of `Store.put`
   */
  async renew(value: Uint8Array = this.#value): Promise<void> {
    const record = encodeLease({ ...this.#options, value });
    try {
      this.#revision = await this.#store.put(this.key, record, { revision: this.#revision });
    } catch (error) {
      if (!isConflict(error)) throw error;
      // A renewal whose answer was lost has changed the revision.
      this.#revision = await this.#store.put(this.key, record, { revision: await this.#ownRevision(error) });
    }
    this.#value = value;
  }

  /**
   * Gives the key up.
   * @throws StoreError `LEASE_LOST`, and as of `Store.delete`
   */
  async release(): Promise<void> {
    try {
      await this.#store.delete(this.key, this.#revision);
    } catch (error) {
      if (!isConflict(error)) throw error;
      await this.#store.delete(this.key, await this.#ownRevision(error));
    }
  }

  async #ownRevision(cause: unknown): Promise<number> {
    const own = await ownRevision(this.#store, this.key, this.#options.token);
    if (own !== undefined) return own;
    throw new StoreError('LEASE_LOST', `the lease ${this.key} was withdrawn, as it was not renewed in time`, { cause });
  }
}

function isConflict(error: unknown): boolean {
  return isVtepError(error) && error.code === 'CONFLICT';
}

async function ownRevision(store: Store, key: string, token: Uint8Array): Promise<number | undefined> {
  const record = await store.get(key);
  const lease = record && decodeLease(record.value);
  return lease?.token.every((byte, index) => byte === token[index]) ? record?.revision : undefined;
}
