/** The thread of a mesh: its own event loop, since the main thread waits for packets. */
import { parentPort } from 'node:worker_threads';
import type { MeshMessage, MeshOrder } from '../plan.js';
import { Mesh } from './mesh.js';

if (parentPort === null) throw new Error('must run as a worker thread of LiveMesh');
const owner = parentPort;

const mesh = new Mesh((message: MeshMessage) => owner.postMessage(message));
/** Orders are followed one after the other. */
let latest = Promise.resolve();
owner.on('message', (order: MeshOrder) => {
  latest = latest.then(async () => {
    await mesh.follow(order);
    if (order.kind === 'close') owner.close();
  });
});
