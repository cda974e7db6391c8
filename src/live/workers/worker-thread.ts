/** The thread of a worker of a VTEP. Started by `VtepWorkers`. */
import { parentPort, workerData } from 'node:worker_threads';
import { VtepError } from '../../error.js';
import { LiveError } from '../error.js';
import type { WorkerNews, WorkerOrder, WorkerStart } from './worker-messages.js';
import { WorkerNode } from './worker-node.js';

if (parentPort === null) throw new Error('must run as a worker thread of VtepWorkers');
const owner = parentPort;
const say = (news: WorkerNews): void => owner.postMessage(news);
let node: WorkerNode | undefined;

function open(): void {
  try {
    node = new WorkerNode(workerData as WorkerStart, say);
    say({ kind: 'ready' });
  } catch (error) {
    if (!(error instanceof VtepError)) throw error;
    const code = error instanceof LiveError ? error.code : 'BAD_NODE';
    say({ kind: 'failed', code, message: error.message });
  }
}

owner.on('message', (order: WorkerOrder) => {
  switch (order.kind) {
    case 'open':
      open();
      break;
    case 'run':
      // An error ends the thread, and with it the VTEP.
      void node?.run();
      break;
    case 'close':
      node?.do(order);
      owner.close();
      break;
    default:
      node?.do(order);
  }
});
