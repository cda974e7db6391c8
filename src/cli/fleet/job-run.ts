/** Has captures read by jobs: in threads of this process, or by the workers of a queue. */
import { constants } from 'node:os';
import { abandonPartFiles, hasPartFiles } from '../../capture/file/part-file.js';
import {
  type CapturePlan,
  type JobAnswer,
  type JobRunner,
  JobThreads,
  QueueRunner,
  type RunProgress,
  ThreadRunner,
} from '../../fleet/internal.js';
import { StatusLine } from '../progress.js';
import { withSignals } from '../signals.js';
import { say } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { type FleetValues } from './fleet-option.js';

const THREAD = new URL('job-thread.js', import.meta.url);

/** Where jobs are done. */
export type JobPlace = FleetValues & {
  /** Threads, if there is no queue. */
  readonly workers: number;
};

/**
 * Does the jobs of a plan, one signal away from its end: nothing of it stays in the queue, and the process dies by the signal.
 * @param take gets the answers, in order
 * @throws whatever `take` throws; CaptureError if a file can't be read; CaptureJobError, StoreError
 */
export async function runJobs<T>(
  plan: CapturePlan,
  place: JobPlace,
  take: (answers: AsyncIterable<JobAnswer>) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  let signalled: 'SIGINT' | 'SIGTERM' | undefined;
  const end = (signal: 'SIGINT' | 'SIGTERM'): void => {
    // Whoever insists doesn't wait for the queue to be cleaned up.
    if (signalled !== undefined) endBy(signal);
    signalled = signal;
    stop.abort();
  };
  try {
    return await withSignals({ SIGINT: () => end('SIGINT'), SIGTERM: () => end('SIGTERM') }, () =>
      place.fleet === undefined
        ? inThreads(plan, place.workers, take, stop.signal)
        : byWorkers(plan, place.fleet, place, take, stop.signal),
    );
  } catch (error) {
    if (signalled !== undefined) endBy(signalled);
    throw error;
  } finally {
    plan.keys?.fill(0);
  }
}

async function inThreads<T>(
  plan: CapturePlan,
  workers: number,
  take: (answers: AsyncIterable<JobAnswer>) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const threads = new JobThreads(THREAD, Math.min(workers, plan.jobs.length));
  try {
    return await take(withProgress(plan, new ThreadRunner(threads, workers), signal));
  } finally {
    await threads.close();
  }
}

async function byWorkers<T>(
  plan: CapturePlan,
  address: string,
  place: JobPlace,
  take: (answers: AsyncIterable<JobAnswer>) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { openKek, openQueue } = await import('./open-queue.js');
  const kek = openKek(place.kek);
  const line = new StatusLine();
  const onProgress = (progress: RunProgress): void => line.show(progressText(progress));
  const onWarning = (message: string): void => {
    line.end();
    say(`vtep: ${message}`);
  };
  try {
    if (plan.keys !== undefined && kek === undefined) {
      throw new UsageError(
        '--keys with --fleet needs --kek FILE (or VTEP_KEK), which the workers have too: no key goes into a queue in clear',
      );
    }
    const queue = await openQueue(address, place);
    try {
      const runner = new QueueRunner({ queue, sharedPaths: place.sharedPaths, sealer: kek, onProgress, onWarning });
      return await take(runner.run(plan, signal));
    } finally {
      line.end();
      await queue.close();
    }
  } finally {
    kek?.wipe();
  }
}

async function* withProgress(plan: CapturePlan, runner: JobRunner, signal: AbortSignal): AsyncGenerator<JobAnswer> {
  const line = new StatusLine();
  try {
    for await (const answer of runner.run(plan, signal)) {
      line.show(`${answer.job} of ${plan.jobs.length} captures`);
      yield answer;
    }
  } finally {
    line.end();
  }
}

function progressText({ jobs, uploaded, files, done, connected }: RunProgress): string {
  const away = connected ? '' : ', waiting for the server';
  const up = uploaded < files ? `${uploaded} of ${files} files uploaded, ` : '';
  return `${up}${done} of ${jobs} captures done${away}`;
}

function endBy(signal: 'SIGINT' | 'SIGTERM'): never {
  say('vtep: interrupted');
  if (hasPartFiles()) abandonPartFiles();
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // PID 1 of a container survives the default action.
  process.exit(128 + constants.signals[signal]);
}
