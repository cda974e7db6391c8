/** Decapsulates captures by jobs, one per file: the same frames and counts as in one pass over all of them. */
import type { PacketSource } from '../../capture/index.js';
import type { CaptureEnd } from '../../fleet/internal.js';
import type { DecapMerge } from '../../frames/internal.js';
import type { SharedDecoding } from '../inspect/survey-workers.js';
import { say } from '../text-output.js';
import { jobKeysOf } from './job-keys.js';
import { type JobPlace, runJobs } from './job-run.js';
import { readEnd } from './read-end.js';
import { readPart } from './read-part.js';
import { runOptions } from './run-options.js';

/** What to decapsulate, and how. */
export interface DecapRequest {
  /** Files in the order of their packets. */
  readonly paths: readonly string[];
  readonly decoding: SharedDecoding;
  readonly keepTruncated: boolean;
  readonly keys: readonly string[];
  readonly aead: string | undefined;
}

/**
 * Decapsulates captures by jobs.
 * @param merge takes what they find
 * @returns the captures; undefined if one pass has to do it, as the result can't be merged exactly. What was written is then useless
 * @throws CaptureError, CaptureJobError, StoreError, UsageError
 */
export async function decapByJobs(
  request: DecapRequest,
  place: JobPlace,
  merge: DecapMerge,
): Promise<PacketSource[] | undefined> {
  const { paths, decoding, keepTruncated, keys, aead } = request;
  const plan = {
    options: runOptions('frames', decoding, { keepTruncated, hasKeys: keys.length > 0, aead }),
    jobs: paths.map((path) => [path] as const),
    keys: jobKeysOf(keys),
  };
  const ends: CaptureEnd[] = [];
  const isExact = await runJobs(plan, place, async (answers) => {
    for await (const { job, message } of answers) {
      if (message.kind === 'end') ends.push(message.end);
      else if (!readPart(paths[job], () => merge.add(message.part))) return false;
    }
    readPart(paths[paths.length - 1], () => merge.end());
    return true;
  });
  if (isExact) return ends.map((end, job) => readEnd(paths[job], end));
  if (place.fleet !== undefined) say("vtep: what the jobs found can't be merged exactly: reading the captures here");
  return undefined;
}
