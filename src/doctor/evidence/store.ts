/** The server of a store, as its monitoring shows it. */
import type { Placed } from './place.js';

/** A stream of vtep's on a NATS server: the records of an overlay, or the jobs of its queue. */
export interface StoreStream extends Placed {
  /** `KV_vtep_OVERLAY` or `vtep_jobs_OVERLAY`. */
  readonly stream: string;
  /** Whether it is in files; otherwise it is in the server's memory. */
  readonly inFiles: boolean;
  /** Servers that keep a copy. */
  readonly replicas: number;
  /** Whether the server syncs each write before it answers. */
  readonly syncAlways: boolean;
  /** Seconds between two syncs, otherwise. */
  readonly syncInterval: number;
}
