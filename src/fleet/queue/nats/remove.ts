/** Removes runs, and what is left of those that have expired. */
import { isVtepError } from '../../../error.js';
import { SYSTEM_TIME } from '../time.js';
import { isGone, isMessageGone } from './server-errors.js';
import { eachOf } from './retry.js';
import { jobsStream, jobSubject, type QueueContext, runStream } from './streams.js';

/** How often a stream that the server can't remove is tried. */
const TRIES = 5;
/** Milliseconds between. */
const PAUSE = 100;

/** Removes a run: its jobs first, so that a run which is only half removed can be removed again. */
export async function removeRun(context: QueueContext, run: string, signal: AbortSignal): Promise<void> {
  await removeJobs(context, run);
  for (let tries = 1; ; tries++) {
    try {
      await deleteStream(context, runStream(context, run));
      return;
    } catch (error) {
      // nats-server 2.9 can fail to remove a folder to which it writes at the same time.
      const again = isVtepError(error) && error.code === 'UNAVAILABLE' && context.link.connected;
      if (!again || tries === TRIES || signal.aborted) throw error;
      await SYSTEM_TIME.wait(PAUSE, signal);
    }
  }
}

/** Removes what expired runs leave behind, which is a stream without messages. */
export async function removeExpired(context: QueueContext): Promise<void> {
  const { overlay, manager, link } = context;
  try {
    const gone: string[] = [];
    await link.ask('read', 'list the runs', async () => {
      for await (const { config, state } of manager.streams.list(`vtep.runs.${overlay}.>`)) {
        // One that was just made has had no message yet.
        if (state.messages === 0 && state.last_seq > 0) gone.push(config.name);
      }
    });
    for (const name of gone) await deleteStream(context, name);
  } catch {
    // The credentials don't permit it, or the connection is lost. The next who connects tries again.
  }
}

async function deleteStream({ link, manager }: QueueContext, name: string): Promise<void> {
  try {
    await link.ask('write', `remove ${name}`, () => manager.streams.delete(name));
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/**
 * Deletes the jobs of a run that wait or are under way, one by one: after a purge by subject, nats-server 2.9 gives out no
 * job that was in the stream before, of whatever run.
 */
async function removeJobs(context: QueueContext, run: string): Promise<void> {
  const { link, manager } = context;
  const stream = jobsStream(context);
  try {
    const { state } = await link.ask('read', `list the jobs of ${run}`, () =>
      manager.streams.info(stream, { subjects_filter: jobSubject(context, run, '>') }),
    );
    await eachOf(Object.keys(state.subjects ?? {}), async (subject) => {
      const query = { last_by_subj: subject };
      const message = await link.ask('read', `find a job of ${run}`, () => manager.streams.getMessage(stream, query));
      if (message === null) return;
      try {
        await link.ask('write', `remove a job of ${run}`, () =>
          manager.streams.deleteMessage(stream, message.seq, false),
        );
      } catch (error) {
        if (!isMessageGone(error)) throw error;
      }
    });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
