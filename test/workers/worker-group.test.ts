/** Worker threads process their packets in order; an early end is detected, and its packets count as lost. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { servePackets, WorkerGroup, type WorkerGroupOptions, WorkersError } from '../../src/workers/index.js';

/** Behaviour of a worker in these tests. */
export interface ChildData {
  /** When it ends early: at the start, at the end, or at packet `at`. */
  readonly ends?: 'start' | 'finish' | 'throw' | 'exit' | 'hang';
  readonly at?: number;
  /** Milliseconds of sleep per packet. */
  readonly slow?: number;
}

interface ChildResult {
  readonly worker: number;
  readonly numbers: number[];
}

const CHILD = new URL('group-child.js', import.meta.url);
const BYTES = 4096;
const PACKET = new Uint8Array(500);

async function start(children: readonly ChildData[], options: Partial<WorkerGroupOptions> = {}): Promise<WorkerGroup> {
  const workers = children.length;
  return WorkerGroup.start(CHILD, { workers, bytes: BYTES, integers: 1, data: (i) => children[i], ...options });
}

/** Gives numbered packets to the workers round-robin. */
async function feed(group: WorkerGroup, packets: number): Promise<void> {
  for (let i = 0; i < packets; i++) {
    const worker = i % group.size;
    group.integers[0] = i;
    while (!group.push(worker, PACKET, 0, PACKET.length)) await group.room(worker);
  }
}

function everySecond(from: number, packets: number): number[] {
  return Array.from({ length: packets / 2 }, (_, i) => 2 * i + from);
}

describe('a worker group', () => {
  test("gives each worker its packets in order, and returns each worker's result", { timeout: 60_000 }, async () => {
    const group = await start([{}, {}]);
    await feed(group, 2000);
    const results = (await group.finish()) as ChildResult[];
    assert.deepEqual(
      results.map(({ worker, numbers }) => [worker, numbers]),
      [
        [0, everySecond(0, 2000)],
        [1, everySecond(1, 2000)],
      ],
    );
    assert.deepEqual([group.given, group.lost, group.failures], [2000, 0, []]);
    await group.close();
  });

  test('returns results even without packets', { timeout: 60_000 }, async () => {
    const group = await start([{}, {}, {}]);
    const results = (await group.finish()) as ChildResult[];
    assert.deepEqual(
      results.map(({ numbers }) => numbers),
      [[], [], []],
    );
    await group.close();
  });

  test('makes published packets visible to its workers before the end', { timeout: 60_000 }, async () => {
    const group = await start([{ ends: 'exit', at: 1 }]);
    group.push(0, PACKET, 0, 10);
    group.publish();
    // It ends at its first packet.
    while (group.failures.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(group.lost, 1);
    await group.close();
  });

  for (const ends of ['throw', 'exit'] as const) {
    test(
      `a worker that ends mid-stream (${ends}) loses its packets, the other doesn't`,
      { timeout: 60_000 },
      async () => {
        const group = await start([{ ends, at: 100 }, {}]);
        await feed(group, 2000);
        const results = (await group.finish()) as ChildResult[];
        assert.deepEqual(
          results.map(({ numbers }) => numbers),
          [everySecond(1, 2000)],
        );
        assert.deepEqual([group.given, group.lost, group.lostTo(0), group.lostTo(1)], [2000, 1000, 1000, 0]);
        const [failure] = group.failures;
        assert.deepEqual([group.failures.length, failure.code], [1, 'WORKER_FAILED']);
        assert.match(
          failure.message,
          ends === 'exit' ? /worker 1 ended before .* \(exit code 7\)/ : /worker 1 ended: a key/,
        );
        await group.close();
      },
    );
  }

  test('an error thrown by a worker never shows a key', { timeout: 60_000 }, async () => {
    const group = await start([{ ends: 'throw', at: 1 }]);
    await feed(group, 10);
    await group.finish();
    assert.equal(group.failures[0].message, 'worker 1 ended: a key: [hidden]');
    await group.close();
  });

  test('a worker without a result at its end has lost all its packets', { timeout: 60_000 }, async () => {
    const group = await start([{ ends: 'finish' }, {}]);
    await feed(group, 100);
    assert.equal((await group.finish()).length, 1);
    assert.deepEqual([group.lost, group.failures.length], [50, 1]);
    await group.close();
  });

  test('a worker that does not start loses its packets, and nothing waits for it', { timeout: 60_000 }, async () => {
    const group = await start([{ ends: 'start' }, {}]);
    assert.match(group.failures[0].message, /worker 1 ended: it does not start/);
    await feed(group, 1000);
    assert.equal((await group.finish()).length, 1);
    assert.equal(group.lost, 500);
    await group.close();
  });

  test('with a missing module no worker starts, and all packets are lost', { timeout: 60_000 }, async () => {
    const group = await WorkerGroup.start(new URL('no-child.js', import.meta.url), { workers: 2, bytes: BYTES });
    assert.deepEqual(
      group.failures.map(({ message }) => /worker [12] ended: Cannot find module/.test(message)),
      [true, true],
    );
    await feed(group, 100);
    assert.deepEqual(await group.finish(), []);
    assert.equal(group.lost, 100);
    await group.close();
  });

  test('close ends a worker that hangs, and pending waits for its space or result', { timeout: 60_000 }, async () => {
    const group = await start([{ ends: 'hang', at: 1 }]);
    let pushed = 0;
    while (group.push(0, PACKET, 0, PACKET.length)) pushed++;
    const room = group.room(0);
    const finished = group.finish();
    await group.close();
    await room;
    assert.deepEqual(await finished, []);
    assert.equal(group.lost, pushed);
  });

  test(
    'a slow worker applies back-pressure: never more is pending than fits the ring',
    { timeout: 60_000 },
    async () => {
      const group = await start([{ slow: 2 }]);
      let waits = 0;
      for (let i = 0; i < 100; i++) {
        group.integers[0] = i;
        let burst = 0;
        while (!group.push(0, PACKET, 0, PACKET.length)) {
          assert.equal(burst++, 0, 'after the wait there is room');
          waits++;
          await group.room(0);
        }
      }
      // 100 packets of 500 bytes pass through 4096 bytes.
      assert.ok(waits >= 10, `${waits} waits`);
      const [{ numbers }] = (await group.finish()) as ChildResult[];
      assert.equal(numbers.length, 100);
      await group.close();
    },
  );

  test('a packet that is too large is an error, and not counted', { timeout: 60_000 }, async () => {
    const group = await start([{}]);
    const large = new Uint8Array(BYTES);
    assert.throws(
      () => group.push(0, large, 0, large.length),
      (error) => error instanceof WorkersError && error.code === 'RECORD_TOO_LARGE',
    );
    const [{ numbers }] = (await group.finish()) as ChildResult[];
    assert.deepEqual([group.given, group.lost, numbers], [0, 0, []]);
    await group.close();
  });

  test('rejects invalid options', async () => {
    for (const workers of [0, 65, 1.5, Number.NaN]) {
      await assert.rejects(WorkerGroup.start(CHILD, { workers }), { code: 'BAD_GROUP' });
    }
    await assert.rejects(WorkerGroup.start(CHILD, { workers: 1, bytes: 5 }), { code: 'BAD_RING' });
    await assert.rejects(WorkerGroup.start(CHILD, { workers: 1, floats: -1 }), { code: 'BAD_RING' });
  });

  test("can't be served by a thread that no group started", () => {
    assert.throws(() => servePackets(() => assert.fail('it has no packets')), { code: 'NOT_A_WORKER' });
  });
});
