/**
 * The thread that makes and closes TAP devices: the kernel blocks it for tens of milliseconds each, and packets pass
 * meanwhile. It alone enters other namespaces, as a thread's namespace is its own; descriptors are the process's. Run by
 * `TapMaker`.
 */
import { parentPort } from 'node:worker_threads';
import { LiveError } from './error.js';
import { closeDescriptor } from './linux.js';
import { openTap } from './tap-opening.js';
import type { TapMade, TapOrder } from './tap-maker.js';

if (parentPort === null) throw new Error('this is a thread of TapMaker');
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
