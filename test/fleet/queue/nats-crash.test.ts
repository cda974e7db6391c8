/** Workers that are killed or stand still, and a server that is killed, restarted, emptied or silent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NatsQueue, type NatsQueueOptions, type QueueTime } from '../../../src/fleet/index.js';
import { missing } from '../../repository.js';
import { NatsServer } from '../store/nats-server.js';
import { numbered, worker } from './conformance.js';
import { all, bytes, event, line, noise, text } from './outcomes.js';
import { WorkerChild } from './worker-child.js';

const skip = missing('nats-server');
/** Whether all threads of a server are stopped is read from /proc. */
const skipHang = process.platform === 'linux' ? skip : 'needs Linux';
/** Short, so that a test waits for it; nothing depends on its being kept. */
const HASTY: NatsQueueOptions = { ackWait: 400, retryWait: 0, idle: 1_000 };
/** Of a process that stands still: it renews nothing. */
const STILL: QueueTime = { now: () => 0, wait: () => new Promise(() => undefined) };

interface Bench {
  readonly server: NatsServer;
  readonly address: string;
  readonly open: (options?: NatsQueueOptions) => Promise<NatsQueue>;
  readonly child: (name: string, options?: NatsQueueOptions) => Promise<WorkerChild>;
  readonly say: (figure: string) => void;
}

function crash(title: string, body: (bench: Bench) => Promise<void>, reason = skip): void {
  test(title, { skip: reason }, async (context) => {
    const server = await NatsServer.start();
    const address = `${server.address}/web`;
    const ends: (() => Promise<void>)[] = [];
    const open = async (options = HASTY): Promise<NatsQueue> => {
      const queue = await NatsQueue.open(address, options);
      ends.push(() => queue.close());
      return queue;
    };
    const child = async (name: string, options = HASTY): Promise<WorkerChild> => {
      const process = await WorkerChild.start(address, name, options);
      ends.push(() => process.kill());
      return process;
    };
    const say = (figure: string): void => {
      context.diagnostic(figure);
    };
    try {
      await body({ server, address, open, child, say });
    } finally {
      server.thaw();
      await Promise.all(ends.map((end) => end()));
      await server.close();
    }
  });
}

crash(
  'the job of a worker that is killed with kill -9 goes to another after the ack-wait',
  async ({ open, child, say }) => {
    const queue = await open();
    const killed = await child('killed');
    await queue.submit('r', [bytes('hang')]);
    await killed.says('job 0/1');
    await killed.kill();
    const started = performance.now();
    const given = event<number>();
    const { stop } = worker(queue, ({ attempt }) => {
      given.say(attempt);
      return Promise.resolve(bytes(`other/${attempt}`));
    });
    assert.ok((await given.seen) > 1);
    say(
      `a killed worker's job was with another after ${(performance.now() - started).toFixed(0)} ms (ack-wait 400 ms)`,
    );
    assert.match((await all(queue.outcomes('r', 1)))[0], /^0 done other\/[2-9]$/);
    await stop();
  },
);

crash(
  'a poison job that kills its workers fails after its attempts, and the others are done',
  async ({ open, child }) => {
    const options = { ...HASTY, maxAttempts: 2 };
    const queue = await open(options);
    await queue.submit('r', [bytes('crash'), bytes('fine')]);
    for (let attempt = 1; attempt <= 2; attempt++) {
      const victim = await child(`victim ${attempt}`, options);
      await victim.ended();
    }
    const given: number[] = [];
    const { stop } = worker(queue, ({ index }) => {
      given.push(index);
      return Promise.resolve(bytes('last'));
    });
    const outcomes = await all(queue.outcomes('r', 2));
    assert.equal(outcomes[0], '0 failed after 2: its worker died, or said nothing for 0.4 s');
    assert.match(outcomes[1], /^1 done (last|victim [12]\/1)$/);
    assert.ok(!given.includes(0));
    // It is out of the queue: nothing is left that nobody gets.
    await queue.submit('s', [bytes('fine')]);
    assert.deepEqual(await all(queue.outcomes('s', 1)), ['0 done last']);
    await stop();
  },
);

crash('the late result of a worker that stood still changes nothing, and it goes on', async ({ open, child }) => {
  const queue = await open();
  const still = await child('still');
  await queue.submit('r', [bytes('hang')]);
  await still.says('job 0/1');
  still.signal('SIGSTOP');
  const { stop } = worker(queue, ({ attempt }) => Promise.resolve(bytes(`other/${attempt}`)));
  const [outcome] = await all(queue.outcomes('r', 1));
  assert.match(outcome, /^0 done other\/[2-9]$/);
  await stop();
  still.signal('SIGCONT');
  still.go();
  await queue.submit('s', [bytes('fine')]);
  // One after another: the server has the late result before that.
  assert.match((await all(queue.outcomes('s', 1)))[0], /^0 done still\/\d$/);
  assert.deepEqual(await all(queue.outcomes('r', 1)), [outcome]);
});

crash(
  'of two workers who finish the same jobs at once, one counts for each, and nothing is left of the other',
  async ({ address, open }) => {
    const queue = await open();
    const first = await open({ ...HASTY, time: STILL });
    const second = await open();
    const count = 20;
    await queue.submit('r', numbered(count));
    const go = event();
    let held = 0;
    const both = event();
    const handler =
      (name: string) =>
      async ({ index, attempt }: { index: number; attempt: number }): Promise<Uint8Array> => {
        if (++held === 2 * count) both.say();
        // More often than twice if this machine is slow: the second also loses its jobs then.
        if (attempt <= 2) await go.seen;
        return index % 2 === 0 ? bytes(name) : noise(100_000, name.length);
      };
    const took = event();
    let taken = 0;
    const slow = worker(
      first,
      (job) => {
        if (++taken === count) took.say();
        return handler('first')(job);
      },
      { concurrency: count },
    );
    await took.seen;
    const fast = worker(second, handler('second'), { concurrency: count });
    await both.seen;
    go.say();
    const seen = new Map<number, string>();
    for await (const outcome of queue.outcomes('r', count)) {
      assert.ok(outcome.kind === 'done' && !seen.has(outcome.index));
      const { result, index } = outcome;
      const small = index % 2 === 0;
      const who = (small ? text(result) === 'first' : result[0] === noise(1, 5)[0]) ? 'first' : 'second';
      assert.ok(Buffer.compare(result, small ? bytes(who) : noise(100_000, who.length)) === 0);
      seen.set(index, line(outcome));
    }
    await Promise.all([slow.stop(), fast.stop()]);
    assert.deepEqual(
      await all(queue.outcomes('r', count)),
      [...seen.entries()].sort(([a], [b]) => a - b).map(([, outcome]) => outcome),
    );
    const { connect } = await import('@nats-io/transport-node');
    const { jetstreamManager } = await import('@nats-io/jetstream');
    const connection = await connect({ servers: address.replace('/web', '') });
    const { streams } = await jetstreamManager(connection);
    const { state } = await streams.info('vtep_run_web_r', { subjects_filter: 'vtep.runs.web.r.data.>' });
    assert.equal(Object.keys(state.subjects ?? {}).length, count / 2);
    await queue.remove('r');
    assert.equal((await streams.info('vtep_jobs_web')).state.messages, 0);
    assert.deepEqual(await streams.names('vtep.runs.web.>').next(), []);
    await connection.close();
  },
);

crash('across kill -9 of the server and its restart, each job of a run is counted once', async ({ server, open }) => {
  const queue = await open();
  const workers = await Promise.all([open(), open()]);
  await queue.submit('r', numbered(200));
  const held = event();
  const stopped = event();
  const ends = workers.map((each) =>
    worker(
      each,
      async ({ index }) => {
        if (index === 30) {
          held.say();
          await stopped.seen;
        }
        return bytes(`${index}`);
      },
      { concurrency: 4 },
    ),
  );
  const outcomes = all(queue.outcomes('r', 200));
  await held.seen;
  await server.kill();
  stopped.say();
  await server.restart();
  assert.deepEqual(
    await outcomes,
    numbered(200).map((_, index) => `${index} done ${index}`),
  );
  assert.equal((await all(queue.outcomes('r', 200))).length, 200);
  await Promise.all(ends.map(({ stop }) => stop()));
});

crash('a run submitted while the server is killed is whole once it is submitted again', async ({ server, open }) => {
  const queue = await open();
  await queue.begin('r');
  const submitted = queue.submit('r', numbered(1_500)).then(
    () => 'done',
    ({ code }: { code: string }) => code,
  );
  const one = queue.outcomes('r', 1)[Symbol.asyncIterator]();
  const first = worker(queue, ({ index }) => Promise.resolve(bytes(`${index}`)));
  await one.next();
  await one.return(undefined);
  await server.kill();
  assert.ok(['done', 'OUTCOME_UNKNOWN', 'UNAVAILABLE'].includes(await submitted));
  await assert.rejects(queue.submit('r', numbered(1_500)), { code: 'UNAVAILABLE' });
  await server.restart();
  const other = await open();
  await other.submit('r', numbered(1_500));
  const more = worker(other, ({ index }) => Promise.resolve(bytes(`${index}`)), { concurrency: 8 });
  assert.deepEqual(
    await all(other.outcomes('r', 1_500)),
    numbered(1_500).map((_, index) => `${index} done ${index}`),
  );
  await Promise.all([first.stop(), more.stop()]);
});

crash('a server that comes back empty has no run; workers go on with the next', async ({ server, open }) => {
  const queue = await open();
  const { stop } = worker(queue, ({ work }) => Promise.resolve(work));
  await queue.submit('r', [bytes('a')]);
  assert.deepEqual(await all(queue.outcomes('r', 1)), ['0 done a']);
  const waits = assert.rejects(all(queue.outcomes('r', 2)), { code: 'NOT_THERE' });
  await server.kill();
  server.wipe();
  await server.restart();
  await waits;
  await queue.submit('r', [bytes('b')]);
  assert.deepEqual(await all(queue.outcomes('r', 1)), ['0 done b']);
  await stop();
});

crash(
  'when answers are lost, jobs and outcomes are there once',
  async ({ server, open }) => {
    const queue = await open({ ...HASTY, timeout: 1_000 });
    const other = await open({ ...HASTY, timeout: 1_000 });
    await queue.submit('r', numbered(1));
    const begun = event();
    const go = event();
    const { stop } = worker(other, async ({ index }) => {
      begun.say();
      await go.seen;
      return bytes(`${index}`);
    });
    await begun.seen;
    await server.freeze();
    go.say();
    await assert.rejects(queue.submit('r', numbered(40)), ({ code }: { code: string }) =>
      ['OUTCOME_UNKNOWN', 'UNAVAILABLE'].includes(code),
    );
    server.thaw();
    await queue.submit('r', numbered(40));
    assert.deepEqual(
      await all(queue.outcomes('r', 40)),
      numbered(40).map((_, index) => `${index} done ${index}`),
    );
    await stop();
  },
  skipHang,
);
