/** Examines captures by jobs, one per capture: a capture that was rotated into several files is one. */
import type { CaptureEvidence } from '../../doctor/index.js';
import { readExamResult } from '../../doctor/internal.js';
import type { SharedDecoding } from '../inspect/survey-workers.js';
import { jobKeysOf } from './job-keys.js';
import { type JobPlace, runJobs } from './job-run.js';
import { readEnd } from './read-end.js';
import { readPart } from './read-part.js';
import { runOptions } from './run-options.js';

/** What to examine, and how. */
export interface ExamRequest {
  /** The files of each capture, in order. */
  readonly captures: readonly (readonly [string, ...string[]])[];
  readonly decoding: SharedDecoding;
  readonly keys: readonly string[];
  readonly aead: string | undefined;
}

/**
 * Examines captures by jobs.
 * @returns what was found in each
 * @throws CaptureError, CaptureJobError, StoreError, UsageError
 */
export async function examineByJobs(request: ExamRequest, place: JobPlace): Promise<CaptureEvidence[]> {
  const { captures, decoding, keys, aead } = request;
  // A trace finds packets in other captures.
  const options = runOptions('exam', decoding, { trace: captures.length > 1, hasKeys: keys.length > 0, aead });
  const plan = { options, jobs: captures, keys: jobKeysOf(keys) };
  const found: CaptureEvidence[] = [];
  await runJobs(plan, place, async (answers) => {
    let file = 0;
    for await (const { job, message } of answers) {
      if (message.kind === 'part') {
        found[job] = readPart(captures[job][0], () => readExamResult(message.part));
        file = 0;
      } else {
        readEnd(captures[job][file++], message.end);
      }
    }
  });
  return found;
}
