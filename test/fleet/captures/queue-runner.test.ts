/** Captures read by the workers of a queue in this process. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { serialize } from 'node:v8';
import { type Job, type JobHandler, MemoryQueue } from '../../../src/fleet/index.js';
import {
  type CapturePlan,
  CaptureWorker,
  type JobAnswer,
  JobThreads,
  QueueRunner,
  type QueueRunnerOptions,
  ThreadRunner,
} from '../../../src/fleet/internal.js';
import { fixture } from '../../repository.js';
import { splitCapture } from './split-capture.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vtep-captures-')));
const threads = new JobThreads(new URL('../../../src/cli/fleet/job-thread.js', import.meta.url), 2);
after(async () => {
  await threads.close();
  rmSync(folder, { recursive: true, force: true });
});

const PROGRAM = '1.2.3';
const PATHS = splitCapture(readFileSync(fixture('docker/03-vip-http.underlay.pcap')), 5).map((bytes, i) => {
  const path = join(folder, `wire_${i}.pcap`);
  writeFileSync(path, bytes);
  return path;
});
const PLAN: CapturePlan = {
  options: {
    program: PROGRAM,
    kind: 'survey',
    ignoresReserved: false,
    checksums: true,
    maxConversations: 1000,
    start: { seconds: 1_795_231_460, nanoseconds: 0 },
    trace: false,
    keepTruncated: false,
    hasKeys: false,
  },
  jobs: PATHS.map((path) => [path] as const),
  keys: undefined,
};
const NEVER = new AbortController().signal;

async function all(answers: AsyncIterable<JobAnswer>): Promise<JobAnswer[]> {
  const list: JobAnswer[] = [];
  for await (const answer of answers) list.push(answer);
  return list;
}

/** Runs something with a queue and its workers, each of which has a handler of its own. */
async function withQueue<T>(
  handlers: (queue: MemoryQueue) => readonly JobHandler[],
  body: (queue: MemoryQueue) => Promise<T>,
): Promise<T> {
  const queue = new MemoryQueue({ retryWait: 0, maxAttempts: 3 });
  const works = handlers(queue).map((handler) => queue.work(handler, { signal: NEVER }));
  try {
    return await body(queue);
  } finally {
    await queue.close();
    await Promise.all(works);
  }
}

function worker(queue: MemoryQueue, root?: string): JobHandler {
  return new CaptureWorker({ queue, threads, program: PROGRAM, root }).handle;
}

function answers(queue: MemoryQueue, options: Partial<QueueRunnerOptions> = {}): Promise<JobAnswer[]> {
  return all(new QueueRunner({ queue, ...options }).run(PLAN, NEVER));
}

describe('captures read by the workers of a queue', () => {
  test('two workers answer what threads of this process answer, in the order of the files', async () => {
    const expected = await all(new ThreadRunner(threads, 2).run(PLAN, NEVER));
    assert.deepEqual(
      expected.map(({ job, message }) => `${job} ${message.kind}`),
      [0, 1, 2, 3, 4].flatMap((job) => [`${job} part`, `${job} end`]),
    );
    const uploaded = await withQueue(
      (queue) => [worker(queue), worker(queue)],
      (queue) => answers(queue),
    );
    assert.deepEqual(uploaded, expected);
    const shared = await withQueue(
      (queue) => [worker(queue, folder), worker(queue, folder)],
      (queue) => answers(queue, { sharedPaths: true }),
    );
    assert.deepEqual(shared, expected);
  });

  test('nothing of a run is left in the queue: when it is done, when it fails, when it is interrupted', async () => {
    const runs: string[] = [];
    const noting =
      (handler: JobHandler): JobHandler =>
      (job, signal) => {
        runs.push(job.run);
        return handler(job, signal);
      };
    const stop = new AbortController();
    const interrupting: JobHandler = () => {
      stop.abort();
      return new Promise(() => undefined);
    };
    const isGone = (queue: MemoryQueue): Promise<unknown> =>
      assert.rejects(queue.putFile(runs[0], 'file', empty()), { code: 'NOT_THERE' });
    await withQueue(
      (queue) => [noting(worker(queue))],
      async (queue) => {
        await answers(queue);
        await isGone(queue);
      },
    );
    runs.length = 0;
    await withQueue(
      () => [noting(() => Promise.reject(new Error('no room')))],
      async (queue) => {
        await assert.rejects(answers(queue), {
          code: 'JOB_FAILED',
          message: `${PATHS[0]}: its job failed 3 times: no room`,
        });
        await isGone(queue);
      },
    );
    runs.length = 0;
    await withQueue(
      () => [noting(interrupting)],
      async (queue) => {
        await assert.rejects(all(new QueueRunner({ queue }).run(PLAN, stop.signal)), { name: 'AbortError' });
        await isGone(queue);
      },
    );
  });

  test('a run that the queue lost is given to it again, without the jobs whose answers were taken', async () => {
    const expected = await all(new ThreadRunner(threads, 2).run(PLAN, NEVER));
    const warnings: string[] = [];
    const done: string[] = [];
    let lost = false;
    const losing = (queue: MemoryQueue): JobHandler => {
      const handler = worker(queue);
      return async (job, signal) => {
        if (!lost && job.index === 2) {
          lost = true;
          await queue.remove(job.run);
        }
        const result = await handler(job, signal);
        done.push(`${job.run} ${job.index}`);
        return result;
      };
    };
    const found = await withQueue(
      (queue) => [losing(queue)],
      (queue) => answers(queue, { onWarning: (message) => warnings.push(message) }),
    );
    assert.deepEqual(found, expected);
    assert.match(warnings.join(), /^the queue lost what it had \(.+\): it gets the other [1-5] captures again$/);
    assert.equal(new Set(done).size, done.length);
  });

  test('a run that the queue loses again and again ends with what to do', async () => {
    const losing = (queue: MemoryQueue): JobHandler[] => [
      async ({ run }) => {
        await queue.remove(run);
        return new Uint8Array();
      },
    ];
    await withQueue(losing, (queue) =>
      assert.rejects(answers(queue), { code: 'RUN_LOST', message: /run the command again$/ }),
    );
  });

  test('a worker that ends in the middle of a job gives it back, and another one does it', async () => {
    const expected = await all(new ThreadRunner(threads, 2).run(PLAN, NEVER));
    const queue = new MemoryQueue();
    const stop = new AbortController();
    const leaving = new CaptureWorker({ queue, threads, program: PROGRAM });
    const left = queue.work(
      (job, signal) => {
        const result = leaving.handle(job, signal);
        stop.abort();
        return result;
      },
      { signal: stop.signal },
    );
    const found = answers(queue);
    await left;
    const staying = queue.work(worker(queue), { signal: NEVER });
    assert.deepEqual(await found, expected);
    assert.equal(leaving.totals.failed, 0);
    await queue.close();
    await staying;
  });

  test('a run that nobody works on asks for workers, and goes on when there are some', async () => {
    const queue = new MemoryQueue();
    const warnings: string[] = [];
    const works: Promise<void>[] = [];
    const onWarning = (message: string): void => {
      warnings.push(message);
      works.push(queue.work(worker(queue), { signal: NEVER }));
    };
    assert.equal((await answers(queue, { patience: 1, onWarning })).length, 2 * PATHS.length);
    assert.deepEqual(warnings, ['no capture is done after 0.001 s: is there a worker (vtep worker --fleet)?']);
    await queue.close();
    await Promise.all(works);
  });

  const PART = { kind: 'part', part: {} };
  const END = { packets: 1, readable: true, format: 'pcap', linkTypes: [], notes: [], position: 0 };
  for (const [what, result, why] of [
    ['nothing', new Uint8Array(), /isn't one that this vtep knows/],
    ['an unknown kind of result', Uint8Array.of(7, 1, 2, 3), /isn't one that this vtep knows/],
    ['half of a message', Uint8Array.of(0, 9, 0, 0, 0, 1), /ends in the middle of a message/],
    ['a message that is too long', Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff, 1), /a message of 4294967295 bytes/],
    ['what is not serialized', framed(Buffer.from('{"kind":"end"}')), /not serialized/],
    ['an unknown message', framed(serialize({ kind: 'other' })), /kind/],
    ['a part and no end', framed(serialize(PART)), /answered for another number of files/],
    [
      'two ends',
      framed(serialize(PART), serialize({ kind: 'end', end: END }), serialize({ kind: 'end', end: END })),
      /another number of files/,
    ],
    [
      'a count below 0',
      framed(serialize(PART), serialize({ kind: 'end', end: { ...END, packets: -1 } })),
      /end\.packets/,
    ],
  ] as const) {
    test(`a worker that answers with ${what} is refused, with the name of the file`, async () => {
      await withQueue(
        () => [() => Promise.resolve(result.slice())],
        (queue) =>
          assert.rejects(answers(queue), (error: Error & { code?: string }) => {
            assert.equal(error.code, 'BAD_OUTCOME');
            assert.ok(error.message.startsWith(`${PATHS[0]}: `), error.message);
            assert.match(error.message, why);
            return true;
          }),
      );
    });
  }

  test('a worker of another version, and one without the files, say so', async () => {
    const said: string[] = [];
    const other = (queue: MemoryQueue): JobHandler[] => [
      new CaptureWorker({ queue, threads, program: '1.2.4', onFailure: (why) => said.push(why) }).handle,
    ];
    await withQueue(other, (queue) =>
      assert.rejects(answers(queue), { message: /the job is of vtep "1\.2\.3", and this worker is 1\.2\.4$/ }),
    );
    assert.match(said[0], /^job \d+ of run \S+: the job is of vtep "1\.2\.3"/);
    await withQueue(
      (queue) => [worker(queue)],
      (queue) =>
        assert.rejects(answers(queue, { sharedPaths: true }), {
          message: /start it with --root, or upload the captures$/,
        }),
    );
  });

  test('keys without anything to seal them never reach the queue', async () => {
    await withQueue(
      () => [],
      (queue) => {
        const keys = new Uint8Array(new SharedArrayBuffer(16));
        const runner = new QueueRunner({ queue });
        return assert.rejects(all(runner.run({ ...PLAN, keys }, NEVER)), { code: 'SEALED' });
      },
    );
  });

  test('a file that is truncated after its job was made fails its job by name', async () => {
    const path = join(folder, 'truncated.pcap');
    writeFileSync(path, readFileSync(PATHS[0]));
    const plan: CapturePlan = { ...PLAN, jobs: [[path]] };
    const truncating = (queue: MemoryQueue): JobHandler[] => {
      const handler = worker(queue, folder);
      return [
        (job: Job, signal: AbortSignal) => {
          truncateSync(path, 100);
          return handler(job, signal);
        },
      ];
    };
    await withQueue(truncating, (queue) =>
      assert.rejects(all(new QueueRunner({ queue, sharedPaths: true }).run(plan, NEVER)), {
        code: 'JOB_FAILED',
        message: /truncated\.pcap: its job failed 3 times: .+ isn't as it was when the job was made$/,
      }),
    );
  });
});

/** An inline result of messages. */
function framed(...messages: Uint8Array[]): Uint8Array {
  const pieces = messages.flatMap((message) => {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, message.length, true);
    return [length, message];
  });
  return new Uint8Array(Buffer.concat([Uint8Array.of(0), ...pieces]));
}

async function* empty(): AsyncGenerator<Uint8Array> {
  yield* await Promise.resolve([]);
}
