/** Workers that fail end what waits for them, with the reason. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LiveError, LiveVtep } from '../../../src/live/index.js';
import { HandOver } from '../../../src/live/workers/hand-over.js';
import { closeMesh, createMesh } from '../../../src/live/workers/worker-mesh.js';
import { VtepWorkers } from '../../../src/live/workers/vtep-workers.js';
import { Arena } from '../../../src/memory/index.js';
import { parseConfig } from '../../../src/overlay/files.js';
import { topologyMessage } from '../../../src/workers/index.js';
import { configText } from '../../dataplane/topology.js';
import { withoutSockets } from '../loopback.js';

const topology = parseConfig(configText({}));

/** Starts a worker that is nothing but a module. */
async function start(module: URL): Promise<{ workers: VtepWorkers; close: () => Promise<void> }> {
  const mesh = createMesh(2);
  const handOver = new HandOver(mesh, 0, new Arena({ slots: 4, frameBytes: 100 }));
  const start = {
    ...{ worker: 1, workers: 2, mesh, node: 'n1', topology: topologyMessage(topology), slots: 4, frameBytes: 2000 },
    ...{ esp: false, aead: undefined, oversize: undefined, clampMss: undefined, busyPoll: undefined },
  };
  const workers = await VtepWorkers.open({
    starts: [start],
    handOver,
    onSaEvent: () => undefined,
    onPathMtu: () => undefined,
    module,
  });
  const close = async (): Promise<void> => {
    await workers.close();
    closeMesh(mesh);
  };
  return { workers, close };
}

describe('a worker', { skip: withoutSockets() }, () => {
  test('that ends by an error is reported with its reason, and nothing waits for it', async () => {
    const { workers, close } = await start(new URL('./failing-worker.js', import.meta.url));
    const failure = (): LiveError | undefined => workers.failure;
    assert.equal(failure(), undefined);
    workers.run();
    for (let i = 0; i < 1000 && failure() === undefined; i++) await sleep(10);
    assert.deepEqual([failure()?.code, failure()?.message], ['WORKER_FAILED', 'worker 1 ended: out of luck']);
    await workers.release([5]);
    await workers.stop();
    await close();
  });

  test('that can’t open its sockets says why', async () => {
    // No interface here has the address of the config.
    await assert.rejects(start(new URL('../../../src/live/workers/worker-thread.js', import.meta.url)), {
      code: 'NOT_THERE',
    });
  });
});

describe('a VTEP with several workers', () => {
  for (const [what, setup, options, message] of [
    ['a network that learns', { learning: true }, {}, /learns addresses, which needs a single worker/],
    ['a network that floods and is encrypted', { encrypted: true, flood: 'replicate' }, {}, /a single worker/],
    ['Node’s sockets', {}, { sockets: 'node' }, /Node's sockets has a single worker/],
    ['too many', {}, { workers: 17 }, /1 to 16 workers, not 17/],
  ] as const) {
    test(`rejects ${what}`, async () => {
      const node = { topology: parseConfig(configText(setup)), node: 'n1', workers: 2, ...options };
      await assert.rejects(LiveVtep.open(node), { code: 'BAD_NODE', message });
    });
  }
});
