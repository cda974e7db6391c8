/** Threads that get their input themselves. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isTask, serveTask, TaskGroup } from '../../src/workers/index.js';

const CHILD = new URL('task-child.js', import.meta.url);

async function outcomeOf(workers: number, data: (worker: number) => unknown): Promise<unknown[]> {
  const task = new TaskGroup(CHILD, { workers, data });
  try {
    return await task.finish();
  } finally {
    await task.close();
  }
}

describe('a task group', { timeout: 120_000 }, () => {
  test("returns each thread's result, in order of their index", async () => {
    const results = await outcomeOf(3, (worker) => `data ${worker}`);
    assert.deepEqual(
      results,
      [0, 1, 2].map((worker) => ({ data: `data ${worker}`, worker, workers: 3, stopped: false })),
    );
  });

  test('stops its threads when asked to, and knows how far the slowest is', async () => {
    const task = new TaskGroup(CHILD, { workers: 2, data: () => 'wait' });
    while (task.progress < 10) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(task.progress, 10);
    task.stop();
    const results = (await task.finish()) as { stopped: boolean }[];
    assert.deepEqual(
      results.map(({ stopped }) => stopped),
      [true, true],
    );
    await task.close();
  });

  test('has no result if a thread ends without one', async () => {
    const failing = (how: string) => (worker: number) => (worker === 1 ? how : 'work');
    await assert.rejects(outcomeOf(2, failing('throw')), {
      code: 'WORKER_FAILED',
      message: 'worker 2 ended: out of order',
    });
    await assert.rejects(outcomeOf(2, failing('exit')), {
      code: 'WORKER_FAILED',
      message: /worker 2 .*\(exit code 4\)/,
    });
  });

  test('close ends threads that wait', async () => {
    const task = new TaskGroup(CHILD, { workers: 1, data: () => 'wait' });
    await task.close();
    await assert.rejects(task.finish(), { code: 'WORKER_FAILED' });
  });

  test('has 1 to 64 threads, and serves only threads of a group', async () => {
    for (const workers of [0, 65, 1.5]) {
      assert.throws(() => new TaskGroup(CHILD, { workers, data: () => 0 }), { code: 'BAD_GROUP' });
    }
    assert.equal(isTask(), false);
    await assert.rejects(
      serveTask(() => Promise.resolve()),
      { code: 'NOT_A_WORKER' },
    );
  });
});
