/** Assigns flows to threads evenly, and in the same way in every thread that sees the same flows in the same order. */

/** Number of buckets: many more than threads. */
const BUCKET_BITS = 12;

/** Flows by hash: each bucket of them belongs to one thread, in turn as their first packets appear. */
export class FlowBuckets {
  readonly #workers: number;
  readonly #owners = new Int32Array(1 << BUCKET_BITS).fill(-1);
  #next = 0;

  /** @param workers number of threads */
  constructor(workers: number) {
    this.#workers = workers;
  }

  /**
   * The thread of a flow.
   * @param flow 32 bits, uniformly distributed
   */
  ownerOf(flow: number): number {
    const bucket = flow >>> (32 - BUCKET_BITS);
    const owner = this.#owners[bucket];
    return owner >= 0 ? owner : this.#assign(bucket);
  }

  #assign(bucket: number): number {
    const owner = this.#next;
    this.#next = (owner + 1) % this.#workers;
    this.#owners[bucket] = owner;
    return owner;
  }
}
