/**
 * The thread that creates and closes TAP devices: each call blocks for tens of milliseconds, while packets flow in the
 * main thread. Only this thread enters other namespaces, which are per thread; descriptors are shared by the process.
 * Started by `TapMaker`.
 */
import { parentPort } from 'node:worker_threads';
import { LiveError } from '../error.js';
import { closeDescriptor } from '../system/linux.js';
import { openTap } from './tap-opening.js';
import type { TapMade, TapOrder } from './tap-maker.js';

if (parentPort === null) throw new Error('must run as a worker thread of TapMaker');
const owner = parentPort;

function made(order: Extract<TapOrder, { kind: 'make' }>): TapMade {
  try {
    return { id: order.id, opened: openTap(order.options) };
  } catch (error) {
    if (!(error instanceof LiveError)) throw error;
    return { id: order.id, error: { code: error.code, message: error.message } };
  }
}

owner.on('message', (order: TapOrder) => {
  switch (order.kind) {
    case 'make':
      owner.postMessage(made(order));
      break;
    case 'close':
      closeDescriptor(order.descriptor);
      break;
    case 'end':
      owner.close();
  }
});
