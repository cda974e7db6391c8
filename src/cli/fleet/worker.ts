/** `vtep worker`: does jobs of captures that a queue has. */
import { realpathSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { option } from '../options/declared.js';
import { file, integer } from '../options/value-kinds.js';
import { StatusLine } from '../progress.js';
import { withSignals } from '../signals.js';
import { grouped } from '../table.js';
import { plainMessage } from '../../text/plain-text.js';
import { say } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { version } from '../version.js';
import { WORKER_FLEET_OPTIONS } from './fleet-option.js';

const THREAD = new URL('job-thread.js', import.meta.url);
const MAX_JOBS = 64;
const SHOW_EVERY = 200;
/** Failures whose reasons are printed: all jobs of a run may fail for the same. */
const MAX_FAILURES = 20;

/** The folder of `--root`, without links. */
function rootOf(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new UsageError(`--root needs a folder, and ${path} isn't one`);
  }
  return realpathSync(path);
}

/** `vtep worker --fleet ADDRESS`. */
export const workerCommand = declare({
  usage: ['--fleet ADDRESS [OPTIONS]'],
  description: [
    'Reads captures for inspect, doctor and decap with --fleet: takes jobs from a queue until Ctrl-C or SIGTERM, then gives ' +
      'back what it is in the middle of, and prints its totals. Any number of workers share a queue; if one dies, its ' +
      'jobs go to the others.',
    'Workers and who asks them must have the same version of vtep.',
  ],
  options: {
    ...WORKER_FLEET_OPTIONS,
    jobs: option(
      '--jobs N',
      `captures to read at a time, each in a thread, 1 to ${MAX_JOBS}`,
      integer(1, MAX_JOBS),
    ).otherwise('one per core'),
    root: option(
      '--root DIR',
      'jobs may name files below this folder (--shared-paths); without it, only files that are uploaded are read',
      file,
    ),
  },
  examples: [
    ['vtep worker --fleet nats://queue:4222/web', 'as many captures at a time as there are cores'],
    [
      'vtep worker --fleet nats://queue:4222/web --root /srv/captures --kek kek.txt',
      'sealed jobs; files on shared storage',
    ],
  ],
  async run(values) {
    const root = rootOf(values.root);
    const jobs = values.jobs ?? Math.min(MAX_JOBS, availableParallelism());
    const { openKek, openQueue } = await import('./open-queue.js');
    const { CaptureWorker, JobThreads } = await import('../../fleet/internal.js');
    const kek = openKek(values.kek);
    const stop = new AbortController();
    let returned = 0;
    const queue = await openQueue(values.fleet, values);
    const threads = new JobThreads(THREAD, jobs);
    const line = new StatusLine();
    let failures = 0;
    const onFailure = (why: string): void => {
      if (++failures > MAX_FAILURES) return;
      line.end();
      const last = failures === MAX_FAILURES ? '; why others fail is not said' : '';
      say(`vtep: ${plainMessage(why)}${last}`);
    };
    const worker = new CaptureWorker({ queue, threads, program: version(), sealer: kek, root, onFailure });
    const { totals } = worker;
    const end = (): void => {
      if (!stop.signal.aborted) returned = totals.active;
      stop.abort();
    };
    const shown = setInterval(() => {
      const away = queue.connected ? '' : ', waiting for the server';
      line.show(`${totals.active} under way, ${totals.done} done, ${totals.failed} failed${away}`);
    }, SHOW_EVERY);
    say(`vtep: waiting for jobs at ${values.fleet}, ${jobs} at a time`);
    try {
      await withSignals({ SIGINT: end, SIGTERM: end }, () =>
        queue.work(worker.handle, { signal: stop.signal, concurrency: jobs }),
      );
    } finally {
      clearInterval(shown);
      line.end();
      await queue.close();
      await threads.close();
      kek?.wipe();
      const done = `${grouped(totals.done)} ${totals.done === 1 ? 'job' : 'jobs'} done`;
      say(`vtep: ${done}, ${grouped(totals.failed)} failed, ${grouped(returned)} given back`);
    }
    return ExitCode.Done;
  },
});
