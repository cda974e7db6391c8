/** The thread that waits for descriptors while its owner does other things. Started by `Readiness`. */
import { parentPort, workerData } from 'node:worker_threads';
import { NativeMemory } from '../../foreign/index.js';
import { linux } from './linux.js';
import { Waiting, type WaiterData } from './readiness.js';

/** Longest wait in milliseconds: a process that exits without closing its `Readiness` waits that long for this thread. */
const WAIT_MS = 500;
/** Room for one struct epoll_event. */
const EVENT_BYTES = 16;

if (parentPort === null) throw new Error('must run as a worker thread of Readiness');
const { epoll, state } = workerData as WaiterData;
const event = new NativeMemory(EVENT_BYTES);
const { epollWait } = linux();

for (;;) {
  Atomics.wait(state, 0, Waiting.No);
  if (Atomics.load(state, 0) === Waiting.Over) break;
  // What is ready stays ready: the owner takes it.
  if (epollWait(epoll, event.address, 1, WAIT_MS) <= 0) continue;
  if (Atomics.compareExchange(state, 0, Waiting.Yes, Waiting.No) === Waiting.Yes) parentPort.postMessage(undefined);
}
parentPort.close();
