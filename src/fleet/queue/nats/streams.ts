/** The streams of an overlay's queue: one for the jobs of all runs, and one for each run, with what is its own. */
import type { JetStreamClient, JetStreamManager, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { isVtepError } from '../../../error.js';
import { StoreError } from '../../error.js';
import { type NatsLink } from '../../store/nats/link.js';
import { type NatsPackages } from '../../store/nats/packages.js';
import { MAX_JOBS } from '../limits.js';
import { hasServerCode, isGone, isUnanswered } from './server-errors.js';

/** Most bytes of a message's content; larger results and files are several. The server's default limit is 1 MiB. */
export const PIECE_LENGTH = 131_072;
/** What headers may take besides, in bytes. */
export const HEADERS_LENGTH = 1_024;

/** What the parts of one queue share. */
export interface QueueContext {
  readonly overlay: string;
  readonly packages: NatsPackages;
  readonly connection: NatsConnection;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly link: NatsLink;
  /** Servers that keep a copy. */
  readonly replicas: number;
  /** Milliseconds that messages are kept. */
  readonly expiry: number;
  /** Milliseconds that the server holds a question for what isn't there yet, and between looks at what is stuck. */
  readonly idle: number;
}

export function jobsStream({ overlay }: QueueContext): string {
  return `vtep_jobs_${overlay}`;
}

/** A run's name has no underscore: no other overlay has a stream of this name. */
export function runStream({ overlay }: QueueContext, run: string): string {
  return `vtep_run_${overlay}_${run}`;
}

/** @param index `>` for all jobs of the run */
export function jobSubject({ overlay }: QueueContext, run: string, index: number | '>'): string {
  return `vtep.jobs.${overlay}.${run}.${index}`;
}

/** The run and index of a job's subject; undefined if something else wrote it. */
export function jobOf({ overlay }: QueueContext, subject: string): { run: string; index: number } | undefined {
  const prefix = `vtep.jobs.${overlay}.`;
  const match = subject.startsWith(prefix)
    ? /^([A-Za-z0-9-]{1,64})\.(\d{1,5})$/.exec(subject.slice(prefix.length))
    : null;
  return match === null ? undefined : { run: match[1], index: Number(match[2]) };
}

/** What a run's stream has, under subjects of its own. */
export type RunPart =
  /** Written first: once it has expired, so has the run. */
  | 'begun'
  /** All jobs are in the queue. */
  | 'submitted'
  /** One for each job that has an outcome. */
  | `outcome.${number | '>'}`
  /** One each time that a worker gives the job back. */
  | `returned.${number}`
  | `file.${string}`
  /** The pieces of a file or a large result. */
  | `data.${string}`;

export function runSubject({ overlay }: QueueContext, run: string, part: RunPart | '>'): string {
  return `vtep.runs.${overlay}.${run}.${part}`;
}

/**
 * Makes the stream of jobs unless it is there: a worker needs no permission to make any.
 * @throws StoreError `UNSUITABLE`
 */
export async function openJobsStream(context: QueueContext): Promise<void> {
  const { RetentionPolicy } = context.packages.jetstream;
  const name = jobsStream(context);
  const ask = (): Promise<StreamInfo> =>
    context.link.ask('read', 'ask for the stream', () => context.manager.streams.info(name));
  let info: StreamInfo;
  try {
    info = await ask();
  } catch (error) {
    if (!isGone(error)) throw error;
    await addStream(context, {
      ...common(context),
      name,
      subjects: [`vtep.jobs.${context.overlay}.>`],
      retention: RetentionPolicy.Workqueue,
      max_msgs: MAX_JOBS,
    });
    info = await ask();
  }
  if (info.config.retention !== RetentionPolicy.Workqueue || info.config.discard !== 'new') {
    throw new StoreError('UNSUITABLE', `the stream ${name} was made by something else and is no queue`);
  }
}

/** Makes the stream of a run unless it is there, and records that the run was begun. @returns whether it was before */
export async function beginRun(context: QueueContext, run: string): Promise<boolean> {
  await addStream(context, {
    ...common(context),
    name: runStream(context, run),
    subjects: [runSubject(context, run, '>')],
  });
  return !(await publishFirst(context, run, 'begun', '{"version":1}'));
}

/**
 * Writes to a run unless there is something under the subject.
 * @returns whether it was written
 * @throws StoreError `NOT_THERE` if there is no such run
 */
export async function publishFirst(
  context: QueueContext,
  run: string,
  part: RunPart,
  content: Uint8Array | string,
  kind?: string,
): Promise<boolean> {
  const headers = context.packages.transport.headers();
  if (kind !== undefined) headers.set(KIND_HEADER, kind);
  try {
    await publish(context, run, part, content, { headers, expect: { lastSubjectSequence: 0 } });
    return true;
  } catch (error) {
    if (isVtepError(error) && error.code === 'CONFLICT') return false;
    throw error;
  }
}

/** Says what an outcome is. */
export const KIND_HEADER = 'Vtep-Kind';

/**
 * Writes to a run.
 * @returns the message's number in the stream
 * @throws StoreError `NOT_THERE` if there is no such run
 */
export async function publish(
  context: QueueContext,
  run: string,
  part: RunPart,
  content: Uint8Array | string,
  options: Parameters<JetStreamClient['publish']>[2] = {},
): Promise<number> {
  const subject = runSubject(context, run, part);
  const what = `write ${part.split('.', 1)[0]} of the run ${run}`;
  try {
    const { seq } = await context.link.ask('write', what, () => context.jetstream.publish(subject, content, options));
    return seq;
  } catch (error) {
    // Nobody answers for a stream that isn't there; nor does a cluster that elects its leader.
    if (isUnanswered(error)) await checkRunThere(context, run);
    throw error;
  }
}

/** @throws StoreError `NOT_THERE` */
export async function checkRunThere(context: QueueContext, run: string): Promise<void> {
  const { link, manager } = context;
  const stream = runStream(context, run);
  try {
    const begun = { last_by_subj: runSubject(context, run, 'begun') };
    const message = await link.ask('read', `ask for the run ${run}`, () => manager.streams.getMessage(stream, begun));
    if (message !== null) return;
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  throw new StoreError('NOT_THERE', `there is no run ${run}: it was removed, has expired, or never was`);
}

function common({ packages, expiry, replicas }: QueueContext): Partial<StreamConfig> {
  const { DiscardPolicy, StorageType } = packages.jetstream;
  return {
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_age: packages.transport.nanos(expiry),
    max_msg_size: PIECE_LENGTH + HEADERS_LENGTH,
    num_replicas: replicas,
    // Not from replicas, which may lag behind.
    allow_direct: false,
    duplicate_window: packages.transport.nanos(Math.min(expiry, 1_000)),
  };
}

async function addStream(
  { link, manager }: QueueContext,
  config: Partial<StreamConfig> & Pick<StreamConfig, 'name'>,
): Promise<void> {
  try {
    await link.ask('write', `make the stream ${config.name}`, () => manager.streams.add(config));
  } catch (error) {
    // 10058: it is there with other settings, such as the copies that are kept of it.
    if (!hasServerCode(error, 10_058)) throw error;
  }
}
