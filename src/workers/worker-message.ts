/** What a worker thread and the thread that started it tell each other beside the packets. */
import type { PacketRing } from './packet-ring.js';

/** What a worker starts with. */
export interface WorkerStart {
  readonly ring: PacketRing;
  /** Its number, from 0 on. */
  readonly worker: number;
  /** What the caller gives it. */
  readonly data: unknown;
}

/** What a worker tells once its packets are at their end. */
export interface WorkerOutcome {
  /** Packets that it took. */
  readonly taken: number;
  /** What came of them. */
  readonly result: unknown;
}

/** What a worker says. */
export type WorkerMessage = { readonly kind: 'ready' } | ({ readonly kind: 'result' } & WorkerOutcome);
