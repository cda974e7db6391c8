/** Run by vtep-workers.test.ts in place of a worker: it is ready, and ends by an error once it is to run. */
import { parentPort } from 'node:worker_threads';
import type { WorkerNews, WorkerOrder } from '../../../src/live/workers/worker-messages.js';

parentPort?.on('message', ({ kind }: WorkerOrder) => {
  if (kind === 'open') parentPort?.postMessage({ kind: 'ready' } satisfies WorkerNews);
  if (kind === 'run') throw new Error('out of luck\nat once');
});
