/** A worker's side of a group. */
import { parentPort, workerData } from 'node:worker_threads';
import { WorkersError } from './error.js';
import { RingReader } from './ring-reader.js';
import type { WorkerMessage, WorkerStart } from './worker-message.js';

/** What a worker does with its packets. */
export interface PacketService {
  /**
   * Takes a packet.
   * @param bytes what it stands in, from `start` to `end`, until the call returns
   * @param integers the columns beside it, until the call returns; and `floats`
   */
  packet(bytes: Uint8Array, start: number, end: number, integers: Int32Array, floats: Float64Array): void;
  /** Called once, after the last packet. What it returns is copied to the thread that started the group. */
  finish(): unknown;
}

/**
 * Serves the packets of this worker in their order, until there will be no more. Called once, at the end of a worker's
 * module; it keeps the thread.
 * @param start makes the service of what `WorkerGroup.start` was given for this worker
 * @throws WorkersError `NOT_A_WORKER` in a thread that no group started; whatever the service throws
 */
export function servePackets(start: (data: unknown, worker: number) => PacketService): void {
  if (parentPort === null || !isStart(workerData)) {
    throw new WorkersError('NOT_A_WORKER', 'packets are served in a thread that a worker group started');
  }
  const port = parentPort;
  const tell = (message: WorkerMessage): void => port.postMessage(message);
  const { ring, worker, data } = workerData;
  const reader = new RingReader(ring);
  const service = start(data, worker);
  tell({ kind: 'ready' });
  const { bytes, integers, floats } = reader;
  let taken = 0;
  do {
    while (reader.next()) {
      service.packet(bytes, reader.start, reader.end, integers, floats);
      taken++;
    }
  } while (reader.wait());
  tell({ kind: 'result', taken, result: service.finish() });
}

function isStart(value: unknown): value is WorkerStart {
  return typeof value === 'object' && value !== null && 'ring' in value && 'worker' in value && 'data' in value;
}
