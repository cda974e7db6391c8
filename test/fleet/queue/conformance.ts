/** What every queue promises. Each adapter's test runs it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Job, type JobHandler, type JobOutcome, type JobQueue } from '../../../src/fleet/index.js';
import { all, bytes, event, forever, joined, line, noise, pieces, text } from './outcomes.js';

/** Two connections to one new, empty queue; one object twice if it has no connections. Failed jobs are tried again at once. */
export type OpenQueues = () => Promise<readonly [JobQueue, JobQueue]>;

/** What a worker returns here: the job's index and work. */
const echo: JobHandler = ({ index, work }) => Promise.resolve(bytes(`${index}:${text(work)}`));

/** A worker in the background. */
export function worker(
  queue: JobQueue,
  handler: JobHandler,
  more: { readonly concurrency?: number; readonly timeLimit?: number } = {},
): { readonly stop: () => Promise<void> } {
  const end = new AbortController();
  const work = queue.work(handler, { signal: end.signal, ...more });
  return {
    stop: () => {
      end.abort();
      return work;
    },
  };
}

export function numbered(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => bytes(`job ${index}`));
}

export function queueConformance(name: string, open: OpenQueues, skip: string | false): void {
  const rule = (
    title: string,
    body: (one: JobQueue, two: JobQueue, say: (figure: string) => void) => Promise<void>,
  ): void => {
    test(`${name}: ${title}`, { skip }, async (context) => {
      const [one, two] = await open();
      try {
        await body(one, two, (figure) => {
          context.diagnostic(`${name}: ${figure}`);
        });
      } finally {
        await Promise.all([one.close(), two.close()]);
      }
    });
  };

  rule('each job of a run is done, with its own work, and has one outcome', async (one, two) => {
    const given: Job[] = [];
    const work = [bytes('a'), new Uint8Array(0), noise(65_536)];
    await one.submit('run-1', work);
    const { stop } = worker(two, (job) => {
      given.push(job);
      return Promise.resolve(job.work);
    });
    const outcomes: JobOutcome[] = [];
    for await (const outcome of one.outcomes('run-1', 3)) outcomes.push(outcome);
    await stop();
    assert.deepEqual(
      given.map(({ run, index, attempt }) => [run, index, attempt]),
      [0, 1, 2].map((index) => ['run-1', index, 1]),
    );
    for (const [index, expected] of work.entries()) {
      assert.deepEqual(
        outcomes.find((outcome) => outcome.index === index),
        { index, kind: 'done', result: expected },
      );
    }
  });

  rule('jobs are given out in their order, to the workers there are, each once', async (one, two) => {
    await one.submit('r', numbered(60));
    const given: number[] = [];
    const handler: JobHandler = (job) => {
      given.push(job.index);
      return echo(job, new AbortController().signal);
    };
    const workers = [worker(one, handler, { concurrency: 3 }), worker(two, handler, { concurrency: 2 })];
    assert.deepEqual(
      await all(two.outcomes('r', 60)),
      Array.from({ length: 60 }, (_, index) => `${index} done ${index}:job ${index}`),
    );
    await Promise.all(workers.map(({ stop }) => stop()));
    assert.deepEqual(
      given.sort((a, b) => a - b),
      [...numbered(60).keys()],
    );
  });

  rule('a worker runs at most `concurrency` jobs at a time', async (one, two) => {
    await one.submit('r', numbered(7));
    const three = event();
    const more = event();
    let under = 0;
    let most = 0;
    const { stop } = worker(
      two,
      async (job, signal) => {
        most = Math.max(most, ++under);
        if (under === 3) three.say();
        await more.seen;
        under--;
        return echo(job, signal);
      },
      { concurrency: 3 },
    );
    await three.seen;
    more.say();
    assert.equal((await all(one.outcomes('r', 7))).length, 7);
    await stop();
    assert.equal(most, 3);
  });

  rule('a job that fails is tried again; after four attempts it has failed, with the last reason', async (one, two) => {
    await one.submit('r', numbered(3));
    const attempts: string[] = [];
    const { stop } = worker(two, (job, signal) => {
      attempts.push(`${job.index}/${job.attempt}`);
      if (job.index === 1) throw new Error(`poison, attempt ${job.attempt}\nsecond line`);
      if (job.index === 2 && job.attempt < 3) return Promise.reject(new Error('not yet'));
      return echo(job, signal);
    });
    assert.deepEqual(await all(one.outcomes('r', 3)), [
      '0 done 0:job 0',
      '1 failed after 4: poison, attempt 4',
      '2 done 2:job 2',
    ]);
    // It is out of the queue, and not given out again.
    await one.submit('s', numbered(1));
    assert.deepEqual(await all(one.outcomes('s', 1)), ['0 done 0:job 0']);
    await stop();
    assert.deepEqual(attempts.sort(), ['0/1', '0/1', '1/1', '1/2', '1/3', '1/4', '2/1', '2/2', '2/3']);
  });

  rule('why a job failed is one line, without keys and control characters', async (one, two) => {
    await one.submit('r', numbered(1));
    const key = '0123456789abcdef0123456789abcdef01234567';
    const { stop } = worker(two, () => Promise.reject(new Error(`\u001b[31mkey ${key} ${'x'.repeat(5_000)}`)));
    const [outcome] = await all(one.outcomes('r', 1));
    await stop();
    assert.match(outcome, /^0 failed after 4: \\u001b\[31mkey /);
    assert.ok(!outcome.includes(key) && outcome.length < 1_060, outcome);
  });

  rule('an attempt that exceeds the time limit fails, and the signal of its handler is aborted', async (one, two) => {
    await one.submit('r', numbered(1));
    const told = event();
    const { stop } = worker(
      two,
      async (job, signal) => {
        if (job.attempt > 1) return echo(job, signal);
        signal.addEventListener('abort', () => {
          told.say();
        });
        return forever();
      },
      { timeLimit: 20 },
    );
    await told.seen;
    assert.deepEqual(await all(one.outcomes('r', 1)), ['0 done 0:job 0']);
    await stop();
  });

  rule('a worker that ends gives its jobs back: another has them at once, and it is no attempt', async (one, two) => {
    await one.submit('r', numbered(2));
    // More often than a job may be tried.
    for (let count = 0; count < 5; count++) {
      let begun = 0;
      const both = event();
      const told = event();
      const { stop } = worker(
        two,
        (_, signal) => {
          if (++begun === 2) both.say();
          signal.addEventListener('abort', () => {
            told.say();
          });
          return forever();
        },
        { concurrency: 2 },
      );
      await both.seen;
      await stop();
      await told.seen;
    }
    const { stop } = worker(one, (job, signal) => {
      assert.equal(job.attempt, 6);
      return echo(job, signal);
    });
    assert.deepEqual(await all(two.outcomes('r', 2)), ['0 done 0:job 0', '1 done 1:job 1']);
    await stop();
  });

  rule('a result of more than a message is the same at the other end', async (one, two, say) => {
    await one.submit('r', numbered(2));
    const large = noise(10_000_000);
    const { stop } = worker(two, ({ index }) => Promise.resolve(index === 0 ? large : noise(65_537)));
    const started = performance.now();
    for await (const outcome of one.outcomes('r', 2)) {
      assert.equal(outcome.kind, 'done');
      const expected = outcome.index === 0 ? large : noise(65_537);
      assert.ok(outcome.kind === 'done' && Buffer.compare(outcome.result, expected) === 0);
    }
    say(`a job with a result of 10 MB: ${(performance.now() - started).toFixed(0)} ms until it is read`);
    await stop();
  });

  rule('a run submitted again has only the jobs that are missing', async (one, two) => {
    await one.submit('r', numbered(3));
    const first = worker(two, echo);
    assert.equal((await all(one.outcomes('r', 3))).length, 3);
    await first.stop();
    await Promise.all([one.submit('r', numbered(6)), two.submit('r', numbered(6))]);
    const given: number[] = [];
    const second = worker(two, (job, signal) => {
      given.push(job.index);
      return echo(job, signal);
    });
    assert.equal((await all(one.outcomes('r', 6))).length, 6);
    await second.stop();
    assert.deepEqual(given, [3, 4, 5]);
  });

  rule('another coordinator goes on with a run by its name, from the first outcome', async (one, two) => {
    await one.submit('r', numbered(4));
    const { stop } = worker(one, echo);
    const outcomes = one.outcomes('r', 4)[Symbol.asyncIterator]();
    const seen: string[] = [];
    for (let count = 0; count < 2; count++) seen.push(line((await outcomes.next()).value as JobOutcome));
    await outcomes.return?.();
    const again = await all(two.outcomes('r', 4));
    await stop();
    assert.equal(again.length, 4);
    for (const outcome of seen) assert.ok(again.includes(outcome));
  });

  rule('outcomes of a run end with the signal; runs of no jobs have none', async (one, two) => {
    await one.submit('r', numbered(2));
    await one.submit('empty', []);
    assert.deepEqual(await all(two.outcomes('empty', 0)), []);
    const end = new AbortController();
    const outcomes = all(two.outcomes('r', 2, end.signal));
    end.abort();
    assert.deepEqual(await outcomes, []);
    assert.deepEqual(await all(two.outcomes('r', 2, AbortSignal.abort())), []);
  });

  rule('runs do not mix, also when the name of one begins with that of another', async (one, two) => {
    await one.submit('a', [bytes('in a')]);
    await one.submit('a-1', [bytes('in a-1')]);
    await one.remove('a');
    const { stop } = worker(two, echo);
    assert.deepEqual(await all(two.outcomes('a-1', 1)), ['0 done 0:in a-1']);
    await stop();
  });

  rule('a removed run is gone for all: jobs that wait, late results, outcomes and files', async (one, two) => {
    await one.submit('r', numbered(2));
    await one.putFile('r', 'f', pieces(bytes('x')));
    const begun = event();
    const late = event();
    const { stop } = worker(two, async (job, signal) => {
      if (job.run !== 'r') return echo(job, signal);
      assert.equal(job.index, 0);
      begun.say();
      await late.seen;
      return bytes('late');
    });
    await begun.seen;
    await one.remove('r');
    await assert.rejects(joined(two.readFile('r', 'f')), { code: 'NOT_THERE' });
    late.say();
    // Done after the late one: by then, its result came to nothing.
    await one.submit('next', numbered(1));
    assert.deepEqual(await all(one.outcomes('next', 1)), ['0 done 0:job 0']);
    await stop();
    await assert.rejects(all(two.outcomes('r', 2)), { code: 'NOT_THERE' });
    await assert.rejects(two.putFile('r', 'f', pieces(bytes('x'))), { code: 'NOT_THERE' });
    await one.remove('r');
    await one.remove('never-was');
  });

  rule('waiting for the outcomes of a removed run fails', async (one, two) => {
    await one.submit('r', numbered(2));
    const { stop } = worker(one, (job, signal) => (job.index === 0 ? echo(job, signal) : forever()), {
      concurrency: 2,
    });
    const outcomes = two.outcomes('r', 2)[Symbol.asyncIterator]();
    assert.equal(line((await outcomes.next()).value as JobOutcome), '0 done 0:job 0');
    const rest = assert.rejects(outcomes.next(), { code: 'NOT_THERE' });
    await one.remove('r');
    await rest;
    await stop();
  });

  rule('a file is read as it was stored, whatever its pieces were', async (one, two) => {
    const content = noise(400_001);
    await one.begin('r');
    await one.putFile(
      'r',
      'dir/ü 1.pcap',
      pieces(content.slice(0, 1), content.slice(1, 300_000), content.slice(300_000)),
    );
    await two.putFile('r', 'empty', pieces());
    assert.ok(Buffer.compare(await joined(two.readFile('r', 'dir/ü 1.pcap')), content) === 0);
    assert.equal((await joined(one.readFile('r', 'empty'))).length, 0);
    await assert.rejects(joined(one.readFile('r', 'none')), { code: 'NOT_THERE' });
    await assert.rejects(joined(one.readFile('none', 'empty')), { code: 'NOT_THERE' });
    await assert.rejects(one.putFile('none', 'f', pieces(content)), { code: 'NOT_THERE' });
    assert.ok((await joined(one.readFile('r', 'dir/ü 1.pcap', AbortSignal.abort()))).length < content.length);
  });

  rule('of two who store a file of one name the first has stored it', async (one, two) => {
    await one.begin('r');
    const stored = event();
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes('second ');
      await stored.seen;
      yield bytes('file');
    };
    const second = assert.rejects(two.putFile('r', 'f', slow()), { code: 'CONFLICT' });
    await one.putFile('r', 'f', pieces(bytes('first')));
    stored.say();
    await second;
    await assert.rejects(one.putFile('r', 'f', pieces(bytes('third'))), { code: 'CONFLICT' });
    assert.equal(text(await joined(two.readFile('r', 'f'))), 'first');
  });

  rule('a file whose source fails is not there, and can be stored later', async (one, two) => {
    await one.begin('r');
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield noise(200_000);
      await Promise.reject(new Error('disk'));
    };
    await assert.rejects(one.putFile('r', 'f', broken()), { message: 'disk' });
    await assert.rejects(joined(two.readFile('r', 'f')), { code: 'NOT_THERE' });
    await one.putFile('r', 'f', pieces(bytes('whole')));
    assert.equal(text(await joined(two.readFile('r', 'f'))), 'whole');
  });

  rule('names and sizes out of bounds are refused', async (one) => {
    for (const run of ['', 'a.b', 'a/b', '*', '>', 'a_b', 'ü', 'x'.repeat(65), 'a\n']) {
      await assert.rejects(one.submit(run, []), { code: 'BAD_KEY' }, run);
      await assert.rejects(one.remove(run), { code: 'BAD_KEY' });
      await assert.rejects(one.begin(run), { code: 'BAD_KEY' });
      await assert.rejects(all(one.outcomes(run, 1)), { code: 'BAD_KEY' });
    }
    for (const file of ['', 'x'.repeat(256), '\ud800']) {
      await assert.rejects(one.putFile('r', file, pieces()), { code: 'BAD_KEY' });
      await assert.rejects(joined(one.readFile('r', file)), { code: 'BAD_KEY' });
    }
    await assert.rejects(one.submit('r', [new Uint8Array(65_537)]), { code: 'TOO_LARGE' });
    await assert.rejects(one.submit('r', Array<Uint8Array>(65_537).fill(bytes(''))), { code: 'TOO_LARGE' });
    const { signal } = new AbortController();
    for (const options of [{ concurrency: 0 }, { concurrency: 257 }, { concurrency: 1.5 }, { timeLimit: 0 }]) {
      await assert.rejects(one.work(echo, { signal, ...options }), { code: 'BAD_KEY' });
    }
    await one.begin('x'.repeat(64));
    await one.putFile('x'.repeat(64), 'ü'.repeat(255), pieces(bytes('1')));
    assert.equal(text(await joined(one.readFile('x'.repeat(64), 'ü'.repeat(255)))), '1');
  });

  rule('close ends workers and outcomes, gives jobs back, and everything after it is CLOSED', async (one) => {
    await one.submit('r', numbered(1));
    const begun = event();
    const told = event();
    const work = one.work(
      (_, signal) => {
        signal.addEventListener('abort', () => {
          told.say();
        });
        begun.say();
        return forever();
      },
      { signal: new AbortController().signal },
    );
    const outcomes = all(one.outcomes('r', 1));
    await begun.seen;
    await one.close();
    await told.seen;
    await work;
    assert.deepEqual(await outcomes, []);
    await one.close();
    for (const operation of [
      () => one.begin('r'),
      () => one.submit('r', []),
      () => one.remove('r'),
      () => one.work(echo, { signal: new AbortController().signal }),
      () => one.putFile('r', 'f', pieces()),
      () => joined(one.readFile('r', 'f')),
      () => all(one.outcomes('r', 1)),
    ]) {
      await assert.rejects(operation(), { code: 'CLOSED' });
    }
  });

  rule('a thousand jobs of 1 KB by four workers: each is counted once', async (one, two, say) => {
    const jobs = Array.from({ length: 1_000 }, (_, index) => noise(1_024, index));
    let started = performance.now();
    await one.submit('r', jobs);
    say(`submitted ${(1_000 / ((performance.now() - started) / 1_000)).toFixed(0)} jobs/s`);
    let done = 0;
    started = performance.now();
    const workers = [one, two, one, two].map((queue) =>
      worker(queue, ({ work }) => {
        done++;
        return Promise.resolve(work);
      }),
    );
    const seen = new Set<number>();
    for await (const outcome of one.outcomes('r', 1_000)) {
      assert.ok(outcome.kind === 'done' && Buffer.compare(outcome.result, jobs[outcome.index]) === 0);
      assert.ok(!seen.has(outcome.index));
      seen.add(outcome.index);
    }
    say(`completed ${(1_000 / ((performance.now() - started) / 1_000)).toFixed(0)} jobs/s, ${done} attempts`);
    await Promise.all(workers.map(({ stop }) => stop()));
    assert.equal(seen.size, 1_000);
  });
}
