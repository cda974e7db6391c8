/** Messages between a worker thread and the thread that started it, besides packets. */
import type { PacketRing } from './packet-ring.js';

/** A worker's start data. */
export interface WorkerStart {
  readonly ring: PacketRing;
  /** Its index, from 0. */
  readonly worker: number;
  /** The caller's data. */
  readonly data: unknown;
}

/** A worker's report after its last packet. */
export interface WorkerOutcome {
  /** Number of packets processed. */
  readonly taken: number;
  /** Their result. */
  readonly result: unknown;
}

/** A message from a worker. */
export type WorkerMessage = { readonly kind: 'ready' } | ({ readonly kind: 'result' } & WorkerOutcome);
