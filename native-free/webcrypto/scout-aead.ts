/** A cipher that opens nothing: it records what would have to be opened. */
import { KeySlots } from '../../src/aead/internal.js';
import { type Aead, type AeadBatch, AeadError } from '../../src/aead/portable.js';
import type { EspJobs } from './esp-jobs.js';
import type { SharedKey, SharedKeys } from './shared-keys.js';

/** For the SAs of a decoder that goes ahead. To it, every ICV is wrong. */
export class ScoutAead implements Aead {
  readonly name = 'scout';
  /** Where jobs are recorded. */
  jobs: EspJobs | undefined;
  readonly #keys: SharedKeys;
  readonly #slots = new KeySlots<SharedKey>();

  constructor(keys: SharedKeys) {
    this.#keys = keys;
  }

  addKey(key: Uint8Array): number {
    return this.#slots.add(key, (bytes) => this.#keys.take(bytes));
  }

  removeKey(id: number): void {
    const key = this.#slots.remove(id);
    if (key !== undefined) this.#keys.release(key);
  }

  seal(): void {
    throw new AeadError('BAD_AEAD_BATCH', 'a scout encrypts nothing');
  }

  open(batch: AeadBatch): void {
    batch.check();
    for (let i = 0; i < batch.count; i++) {
      batch.verified[i] = 0;
      this.jobs?.add(this.#slots.get(batch.key[i]), batch, i);
    }
  }
}
