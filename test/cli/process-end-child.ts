/** Ends itself while a thread waits for the writer of a pipe: `process-end-child.js PIPE`. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { endWithoutThreads } from '../../src/cli/process-end.js';

const script = `const { parentPort, workerData } = require('node:worker_threads');
parentPort.postMessage('begun'); require('node:fs').readFileSync(workerData);`;
const thread = new Worker(script, { eval: true, workerData: process.argv[2] });
await once(thread, 'message');
await sleep(200);
process.on('SIGTERM', () => process.exit(0));
endWithoutThreads();
