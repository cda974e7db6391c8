/** Messages between worker 0 of a VTEP, which is its main thread, and the others. */
import type { Oversize } from '../../dataplane/index.js';
import type { SaEvent } from '../../overlay/index.js';
import type { ChangeMessage, TopologyMessage } from '../../workers/index.js';
import type { LiveErrorCode } from '../error.js';
import type { TapOptions } from '../tap/tap-opening.js';
import type { WorkerReport } from './worker-counters.js';
import type { WorkerMesh } from './worker-mesh.js';

/** A worker's start data. */
export interface WorkerStart {
  /** Its index, from 1, and the number of workers. */
  readonly worker: number;
  readonly workers: number;
  readonly mesh: WorkerMesh;
  /** The node's name. */
  readonly node: string;
  readonly topology: TopologyMessage;
  /** Of its arena. */
  readonly slots: number;
  readonly frameBytes: number;
  readonly esp: boolean;
  /** Name of the cipher; undefined for none. */
  readonly aead: string | undefined;
  readonly oversize: Oversize | undefined;
  readonly clampMss: boolean | undefined;
  /** Seconds. */
  readonly busyPoll: number | undefined;
}

/** What a worker is to do; done in order. */
export type WorkerOrder =
  /** Opens its sockets; answered by `ready` or `failed`. */
  | { readonly kind: 'open' }
  /** Processes packets until `stop`. */
  | { readonly kind: 'run' }
  /** Reads no more packets; answered by `stopped` once those that it has read are on their way. */
  | { readonly kind: 'stop' }
  /** Takes what other workers have handed over; answered by `drained`. */
  | { readonly kind: 'drain' }
  | { readonly kind: 'changes'; readonly changes: readonly ChangeMessage[]; readonly isWhole: boolean }
  | { readonly kind: 'mtu'; readonly vtep: Uint8Array; readonly mtu: number }
  /** Serves a queue of an endpoint's device. */
  | { readonly kind: 'attach'; readonly endpoint: string; readonly descriptor: number; readonly options: TapOptions }
  /** No longer uses these queues; answered by `released`. */
  | { readonly kind: 'release'; readonly descriptors: readonly number[] }
  | { readonly kind: 'close' };

/** What a worker says. */
export type WorkerNews =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly code: LiveErrorCode; readonly message: string }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'drained' }
  /** Of the queues that begin with this one. */
  | { readonly kind: 'released'; readonly descriptor: number }
  | { readonly kind: 'report'; readonly report: WorkerReport }
  | { readonly kind: 'mtu'; readonly vtep: Uint8Array; readonly mtu: number }
  | { readonly kind: 'sa-event'; readonly event: SaEvent };
