/** The worker's side of a group. */
import { parentPort, workerData } from 'node:worker_threads';
import { WorkersError } from './error.js';
import { RingReader } from './ring-reader.js';
import type { WorkerMessage, WorkerStart } from './worker-message.js';

/** Processes a worker's packets. */
export interface PacketService {
  /**
   * Processes a packet. All arguments are valid until the call returns.
   * @param bytes holds the packet, from `start` to `end`
   * @param integers its integer columns
   * @param floats its float columns
   */
  packet(bytes: Uint8Array, start: number, end: number, integers: Int32Array, floats: Float64Array): void;
  /** Called once, after the last packet. The return value is copied to the thread that started the group. */
  finish(): unknown;
}

/**
 * Processes this worker's packets in order, until their end. Call it once, at the end of a worker's module; it blocks
 * the thread.
 * @param start creates the service from the `data` that `WorkerGroup.start` got for this worker
 * @throws WorkersError `NOT_A_WORKER` in a thread that no group started; anything the service throws
 */
export function servePackets(start: (data: unknown, worker: number) => PacketService): void {
  if (parentPort === null || !isStart(workerData)) {
    throw new WorkersError('NOT_A_WORKER', 'only a thread that a worker group started can serve packets');
  }
  const port = parentPort;
  const post = (message: WorkerMessage): void => port.postMessage(message);
  const { ring, worker, data } = workerData;
  const reader = new RingReader(ring);
  const service = start(data, worker);
  post({ kind: 'ready' });
  const { bytes, integers, floats } = reader;
  let taken = 0;
  do {
    while (reader.next()) {
      service.packet(bytes, reader.start, reader.end, integers, floats);
      taken++;
    }
  } while (reader.wait());
  post({ kind: 'result', taken, result: service.finish() });
}

function isStart(value: unknown): value is WorkerStart {
  return typeof value === 'object' && value !== null && 'ring' in value && 'worker' in value && 'data' in value;
}
