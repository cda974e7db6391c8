/** A cipher that finds most of its results ready, and leaves the rest to another one. */
import { checkKeyLength, KeySlots } from '../../src/aead/internal.js';
import { type Aead, AeadBatch, NONCE_STRIDE } from '../../src/aead/portable.js';
import { type EspJobs, JobState } from './esp-jobs.js';
import type { SharedKey, SharedKeys } from './shared-keys.js';

/** For the SAs of the decoder that follows a scout. */
export class PreparedAead implements Aead {
  readonly name: string;
  /** What the scout recorded of the batch that is being decoded. */
  jobs: EspJobs | undefined;
  /** Packets that the other cipher had to open. */
  unprepared = 0;
  readonly #keys: SharedKeys;
  readonly #fallback: Aead;
  readonly #slots = new KeySlots<SharedKey>();
  /** The packets that are left to the other cipher, and their indices. */
  #rest: AeadBatch | undefined;
  readonly #restOf: number[] = [];

  constructor(name: string, keys: SharedKeys, fallback: Aead) {
    this.name = name;
    this.#keys = keys;
    this.#fallback = fallback;
  }

  addKey(key: Uint8Array): number {
    checkKeyLength(key.length);
    return this.#slots.add(key, (bytes) => this.#keys.take(bytes));
  }

  removeKey(id: number): void {
    const key = this.#slots.remove(id);
    if (key !== undefined) this.#keys.release(key);
  }

  seal(batch: AeadBatch): void {
    batch.check();
    const rest = this.#restFor(batch);
    for (let i = 0; i < batch.count; i++) this.#leave(rest, batch, i);
    if (rest.count > 0) this.#fallback.seal(rest);
  }

  open(batch: AeadBatch): void {
    batch.check();
    this.#slots.check(batch.key, batch.count);
    const rest = this.#restFor(batch);
    const { jobs } = this;
    for (let i = 0; i < batch.count; i++) {
      const job = jobs?.find(this.#slots.get(batch.key[i]), batch, i) ?? -1;
      if (jobs === undefined || job < 0 || jobs.state[job] === JobState.Untried) this.#leave(rest, batch, i);
      else this.#take(batch, i, jobs.state[job] === JobState.Opened ? jobs.plain[job] : undefined);
    }
    if (rest.count === 0) return;
    this.unprepared += rest.count;
    this.#fallback.open(rest);
    for (let i = 0; i < rest.count; i++) batch.verified[this.#restOf[i]] = rest.verified[i];
  }

  /** @param plain undefined if the ICV is wrong */
  #take(batch: AeadBatch, index: number, plain: Uint8Array | undefined): void {
    const at = batch.offset[index];
    batch.verified[index] = plain === undefined ? 0 : 1;
    if (plain === undefined) batch.bytes.fill(0, at, at + batch.length[index]);
    else batch.bytes.set(plain, at);
  }

  #restFor(batch: AeadBatch): AeadBatch {
    let rest = this.#rest;
    if (rest === undefined || rest.capacity < batch.count || rest.aadStride !== batch.aadStride) {
      rest = new AeadBatch(batch.capacity, batch.aadStride);
      this.#rest = rest;
    }
    rest.count = 0;
    rest.bytes = batch.bytes;
    return rest;
  }

  #leave(rest: AeadBatch, batch: AeadBatch, index: number): void {
    const i = rest.count++;
    const { aadStride } = batch;
    this.#restOf[i] = index;
    rest.key[i] = this.#keys.fallbackId(this.#slots.get(batch.key[index]));
    rest.offset[i] = batch.offset[index];
    rest.length[i] = batch.length[index];
    rest.icvOffset[i] = batch.icvOffset[index];
    rest.icvLength[i] = batch.icvLength[index];
    rest.aadLength[i] = batch.aadLength[index];
    rest.nonce.set(batch.nonce.subarray(index * NONCE_STRIDE, (index + 1) * NONCE_STRIDE), i * NONCE_STRIDE);
    rest.aad.set(batch.aad.subarray(index * aadStride, (index + 1) * aadStride), i * aadStride);
  }
}
