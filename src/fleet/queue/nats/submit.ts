/** Adds the jobs of a run to the queue. */
import { isVtepError } from '../../../error.js';
import { StoreError } from '../../error.js';
import { NatsReader } from '../../store/nats/reader.js';
import { indexOf } from './outcomes.js';
import { removeExpired } from './remove.js';
import { eachOf } from './retry.js';
import {
  beginRun,
  jobSubject,
  openJobsStream,
  publishFirst,
  type QueueContext,
  runStream,
  runSubject,
} from './streams.js';

/** Outcomes that are read at a time. */
const BATCH = 256;

/** Adds the jobs of a run that are not in the queue and have no outcome. */
export async function submitRun(context: QueueContext, run: string, jobs: readonly Uint8Array[]): Promise<void> {
  // A server that lost its streams has none, and no worker may have been there to make it.
  await openJobsStream(context);
  await removeExpired(context);
  const settled = (await beginRun(context, run)) ? await settledJobs(context, run) : new Set<number>();
  let added = 0;
  try {
    const missing = [...jobs.entries()].filter(([index]) => !settled.has(index));
    await eachOf(missing, async ([index, bytes]) => {
      if (await addJob(context, run, index, bytes)) added++;
    });
  } catch (error) {
    throw asPartial(error, added);
  }
  await publishFirst(context, run, 'submitted', '{"version":1}');
}

/** @returns whether it was added; not if it is in the queue already */
async function addJob(context: QueueContext, run: string, index: number, bytes: Uint8Array): Promise<boolean> {
  const { link, jetstream } = context;
  const subject = jobSubject(context, run, index);
  try {
    const options = { expect: { lastSubjectSequence: 0 } };
    await link.ask('write', `add job ${index} of ${run}`, () => jetstream.publish(subject, bytes, options));
    return true;
  } catch (error) {
    if (isVtepError(error) && error.code === 'CONFLICT') return false;
    throw error;
  }
}

/** The jobs of a run that have an outcome. */
async function settledJobs(context: QueueContext, run: string): Promise<ReadonlySet<number>> {
  const { link } = context;
  const stream = { ...context, stream: runStream(context, run) };
  const reader = await NatsReader.open(stream, runSubject(context, run, 'outcome.>'), 0, true);
  const settled = new Set<number>();
  const { losses } = link;
  try {
    for (let left = reader.waiting; left > 0;) {
      const before = left;
      for await (const { subject } of reader.batch(Math.min(left, BATCH))) {
        left--;
        const index = indexOf(subject);
        if (index !== undefined) settled.add(index);
      }
      if (before === left || !link.isStill(losses)) throw new StoreError('UNAVAILABLE', `submit ${run}: no answer`);
    }
  } finally {
    reader.close();
  }
  return settled;
}

/** A write with `UNAVAILABLE` was not made, but others before it were. */
function asPartial(error: unknown, added: number): unknown {
  if (added === 0 || !isVtepError(error) || error.code !== 'UNAVAILABLE') return error;
  return new StoreError('OUTCOME_UNKNOWN', `${error.message}; ${added} jobs were added before`, { cause: error });
}
