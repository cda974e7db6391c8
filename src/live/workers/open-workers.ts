/** Starts the workers of a VTEP. */
import type { Arena } from '../../memory/index.js';
import type { Topology } from '../../overlay/index.js';
import { topologyMessage } from '../../workers/index.js';
import { LiveError } from '../error.js';
import type { LiveVtepOptions } from '../node/live-vtep.js';
import { checkShared } from '../node/node-requirements.js';
import { HandOver } from './hand-over.js';
import { PeerShare } from './peer-share.js';
import { closeMesh, createMesh, type WorkerMesh } from './worker-mesh.js';
import { VtepWorkers, type VtepWorkersOptions } from './vtep-workers.js';

/** Most workers: each pair has a ring of its own. */
export const MAX_LIVE_WORKERS = 16;

/**
 * Rejects what several workers can't do.
 * @throws LiveError `BAD_NODE`
 */
export function checkWorkerOptions(options: LiveVtepOptions): void {
  const { workers = 1, topology, sockets, portOf, clock, cipher } = options;
  if (!Number.isInteger(workers) || workers < 1 || workers > MAX_LIVE_WORKERS) {
    throw new LiveError('BAD_NODE', `a VTEP has 1 to ${MAX_LIVE_WORKERS} workers, not ${workers}`);
  }
  if (workers === 1) return;
  const single =
    sockets === 'node'
      ? "Node's sockets"
      : portOf !== undefined
        ? 'ports of code'
        : clock !== undefined
          ? 'a clock of its own'
          : cipher?.reservations !== undefined
            ? 'persistent sequence numbers (--state)'
            : undefined;
  if (single !== undefined) throw new LiveError('BAD_NODE', `a VTEP with ${single} has a single worker`);
  checkShared(topology.networks);
}

/** Worker 0's part: its ends of the rings, and its peers. */
export class FirstWorker {
  readonly handOver: HandOver;
  readonly share: PeerShare;
  readonly #workers: number;
  readonly #mesh: WorkerMesh;

  /** @throws LiveError `SYSTEM_UNAVAILABLE`, `SYSTEM_CALL` */
  constructor(workers: number, arena: Arena) {
    this.#workers = workers;
    this.#mesh = createMesh(workers);
    this.handOver = new HandOver(this.#mesh, 0, arena);
    this.share = new PeerShare(0, workers, this.handOver);
  }

  /**
   * Starts the others, whose sockets join those of worker 0.
   * @throws LiveError as `LiveVtep.open`; `WORKER_FAILED`
   */
  openOthers(
    { node, cipher, oversize, clampMss, busyPoll }: LiveVtepOptions,
    topology: Topology,
    sockets: { readonly slots: number; readonly frameBytes: number; readonly esp: boolean },
    events: Pick<VtepWorkersOptions, 'onSaEvent' | 'onPathMtu'>,
  ): Promise<VtepWorkers> {
    // A worker needs neither services nor gossip.
    const tables = { ...topology, services: undefined, membership: undefined };
    const starts = Array.from({ length: this.#workers - 1 }, (_, i) => ({
      worker: i + 1,
      workers: this.#workers,
      mesh: this.#mesh,
      node,
      topology: topologyMessage(tables),
      ...sockets,
      aead: cipher?.aead.name,
      oversize,
      clampMss,
      busyPoll,
    }));
    return VtepWorkers.open({ starts, handOver: this.handOver, ...events });
  }

  /** Closes what all workers share, once the others have ended. */
  close(): void {
    closeMesh(this.#mesh);
  }
}
