/** The ESP packets of one batch: recorded by a scout, decrypted by WebCrypto, and found again by the decoder. */
import { type AeadBatch, NONCE_BYTES, NONCE_STRIDE } from '../../src/aead/portable.js';
import { BATCH_PACKETS } from '../../src/capture/portable.js';
import { viewOf } from '../../src/memory/internal.js';
import type { SharedKey } from './shared-keys.js';
import { gcm, type Subtle } from './subtle.js';

/** Bytes of the packets of a batch, twice what a batch has without fragments. Further packets aren't recorded. */
const MAX_BYTES = 1 << 20;
const MAX_AAD = 12;

/** What became of a job. */
export const JobState = {
  /** WebCrypto couldn't try: the decoder's other cipher does. */
  Untried: 0,
  Opened: 1,
  /** Its ICV is wrong. */
  Refused: 2,
} as const;
export type JobState = (typeof JobState)[keyof typeof JobState];

/** Jobs of at most `BATCH_PACKETS` packets. */
export class EspJobs {
  count = 0;
  readonly state = new Uint8Array(BATCH_PACKETS);
  /** The plaintexts of opened packets. */
  readonly plain: (Uint8Array | undefined)[] = [];
  readonly #keys: SharedKey[] = [];
  readonly #bytes = new Uint8Array(MAX_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  #used = 0;
  /** Start of each packet's ciphertext, which its ICV follows. */
  readonly #start = new Int32Array(BATCH_PACKETS);
  readonly #length = new Int32Array(BATCH_PACKETS);
  readonly #icvLength = new Uint8Array(BATCH_PACKETS);
  readonly #nonce = new Uint8Array(BATCH_PACKETS * NONCE_BYTES);
  readonly #aad = new Uint8Array(BATCH_PACKETS * MAX_AAD);
  readonly #aadLength = new Uint8Array(BATCH_PACKETS);
  /** The job after the one that was found last: the decoder has the scout's order. */
  #next = 0;

  clear(): void {
    this.count = 0;
    this.#used = 0;
    this.#next = 0;
    this.#keys.length = 0;
    this.plain.length = 0;
  }

  /** Records a packet, unless there is no room for it. */
  add(key: SharedKey, batch: AeadBatch, index: number): void {
    const job = this.count;
    const length = batch.length[index];
    const icvLength = batch.icvLength[index];
    const aadLength = batch.aadLength[index];
    if (job === BATCH_PACKETS || aadLength > MAX_AAD || this.#used + length + icvLength > MAX_BYTES) return;
    this.count++;
    const start = this.#used;
    this.#used += length + icvLength;
    this.#keys[job] = key;
    this.#start[job] = start;
    this.#length[job] = length;
    this.#icvLength[job] = icvLength;
    this.#aadLength[job] = aadLength;
    this.state[job] = JobState.Untried;
    this.plain[job] = undefined;
    const { bytes, nonce, aad, aadStride } = batch;
    const from = batch.offset[index];
    const icv = batch.icvOffset[index];
    this.#bytes.set(bytes.subarray(from, from + length), start);
    this.#bytes.set(bytes.subarray(icv, icv + icvLength), start + length);
    for (let i = 0; i < NONCE_BYTES; i++) this.#nonce[job * NONCE_BYTES + i] = nonce[index * NONCE_STRIDE + i];
    for (let i = 0; i < aadLength; i++) this.#aad[job * MAX_AAD + i] = aad[index * aadStride + i];
  }

  /**
   * Lets WebCrypto decrypt all of them.
   * @param icvLengths those that it takes
   * @returns resolves once all are done; undefined if there is nothing to wait for
   */
  run(subtle: Subtle, icvLengths: ReadonlySet<number>): Promise<void> | undefined {
    let open = 0;
    let finish = (): void => undefined;
    const isDone = (): void => {
      if (--open === 0) finish();
    };
    for (let job = 0; job < this.count; job++) {
      const key = this.#keys[job].imported;
      const icvLength = this.#icvLength[job];
      if (key === undefined || !icvLengths.has(icvLength)) continue;
      open++;
      const start = this.#start[job];
      const nonce = this.#nonce.subarray(job * NONCE_BYTES, (job + 1) * NONCE_BYTES);
      const aad = this.#aad.subarray(job * MAX_AAD, job * MAX_AAD + this.#aadLength[job]);
      const sealed = this.#bytes.subarray(start, start + this.#length[job] + icvLength);
      subtle.decrypt(gcm(nonce, aad, icvLength), key, sealed).then(
        (plain) => {
          this.plain[job] = new Uint8Array(plain);
          this.state[job] = JobState.Opened;
          isDone();
        },
        (error: unknown) => {
          if (error instanceof Error && error.name === 'OperationError') this.state[job] = JobState.Refused;
          isDone();
        },
      );
    }
    return open === 0 ? undefined : new Promise((resolve) => (finish = resolve));
  }

  /** The job of a packet, whose every byte is the same; -1 if there is none. */
  find(key: SharedKey, batch: AeadBatch, index: number): number {
    const { count } = this;
    for (let i = 0, job = this.#next; i < count; i++, job++) {
      if (job >= count) job = 0;
      if (!this.#isOf(job, key, batch, index)) continue;
      this.#next = job + 1;
      return job;
    }
    return -1;
  }

  #isOf(job: number, key: SharedKey, batch: AeadBatch, index: number): boolean {
    const length = this.#length[job];
    const icvLength = this.#icvLength[job];
    const aadLength = this.#aadLength[job];
    const start = this.#start[job];
    // Nonces come twice in replayed, forged and faulty traffic: what is different about two packets can be anywhere.
    return (
      this.#keys[job] === key &&
      length === batch.length[index] &&
      icvLength === batch.icvLength[index] &&
      aadLength === batch.aadLength[index] &&
      isEqual(this.#nonce, job * NONCE_BYTES, batch.nonce, index * NONCE_STRIDE, NONCE_BYTES) &&
      isEqual(this.#aad, job * MAX_AAD, batch.aad, index * batch.aadStride, aadLength) &&
      isEqual(this.#bytes, start + length, batch.bytes, batch.icvOffset[index], icvLength) &&
      this.#isSealed(start, batch.bytes, batch.offset[index], length)
    );
  }

  /** Whether a ciphertext is equal: four bytes at a time, since it is long. */
  #isSealed(start: number, bytes: Uint8Array, offset: number, length: number): boolean {
    const own = this.#view;
    const view = viewOf(bytes);
    let i = 0;
    for (; i + 4 <= length; i += 4) if (own.getInt32(start + i) !== view.getInt32(offset + i)) return false;
    return isEqual(this.#bytes, start + i, bytes, offset + i, length - i);
  }
}

function isEqual(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aOffset + i] !== b[bOffset + i]) return false;
  return true;
}
