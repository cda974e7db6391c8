/** The rings between the workers of a VTEP, and what wakes them. */
import { closeDescriptor, linux, callFailed } from '../system/linux.js';
import { createRing, type PacketRing } from '../../workers/index.js';

/** Size of all rings in bytes, and of each: at most as much as a socket's queue, 2,800 packets of 1500 bytes. */
const ALL_BYTES = 1 << 26;
const MOST_BYTES = 1 << 22;
const CLOSE_ON_EXEC = 0o2000000;
const NON_BLOCKING = 0o4000;

/** Integers that each packet in a ring carries. */
export const RingColumn = {
  /** `HandedOver`. */
  Kind: 0,
  Vni: 1,
  /** The MAC of the endpoint that a frame is for, as `ForwardingTable.findWords` takes it. */
  MacHigh: 2,
  MacLow: 3,
} as const;
const COLUMNS = 4;

/** What a worker hands over. */
export const HandedOver = {
  /** A frame that it read from an endpoint, for the owner of the destination. */
  Outbound: 0,
  /** A frame that it received for an endpoint whose interface worker 0 serves. */
  Inbound: 1,
} as const;
export type HandedOver = (typeof HandedOver)[keyof typeof HandedOver];

/** In the form that is passed between threads. */
export interface WorkerMesh {
  /** By writer, then by reader; undefined from a worker to itself. */
  readonly rings: readonly (readonly (PacketRing | undefined)[])[];
  /** An eventfd by reader. */
  readonly wakers: readonly number[];
  /** By reader: 1 once its eventfd has been written, until it looks. */
  readonly woken: Int32Array<SharedArrayBuffer>;
}

/**
 * Creates the rings of all pairs of workers.
 * @throws LiveError `SYSTEM_UNAVAILABLE`, `SYSTEM_CALL`
 */
export function createMesh(workers: number): WorkerMesh {
  const indices = Array.from({ length: workers }, (_, i) => i);
  const wakers: number[] = [];
  while (wakers.length < workers) {
    const waker = linux().eventfd(0, CLOSE_ON_EXEC | NON_BLOCKING);
    if (waker < 0) {
      const error = callFailed('make an eventfd');
      wakers.forEach(closeDescriptor);
      throw error;
    }
    wakers.push(waker);
  }
  const pairs = workers * (workers - 1);
  const bytes = Math.min(MOST_BYTES, 2 ** Math.floor(Math.log2(ALL_BYTES / Math.max(1, pairs))));
  const rings = indices.map((from) =>
    indices.map((to) => (from === to ? undefined : createRing({ bytes, integers: COLUMNS }))),
  );
  return { rings, wakers, woken: new Int32Array(new SharedArrayBuffer(4 * workers)) };
}

/** Closes what `createMesh` opened, once no worker uses it any more. */
export function closeMesh({ wakers }: WorkerMesh): void {
  wakers.forEach(closeDescriptor);
}
