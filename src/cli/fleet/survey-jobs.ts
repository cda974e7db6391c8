/** Surveys captures by jobs, one per file: the same report as that of one pass over all of them. */
import { openCaptureFile } from '../../capture/index.js';
import type { CaptureEnd } from '../../fleet/internal.js';
import { MAX_CONVERSATIONS, type Survey } from '../../inspect/index.js';
import { PartError, PartMerge } from '../../inspect/internal.js';
import { inOrder, type ReadCaptures } from '../inspect/input-files.js';
import { startAmong, type SharedDecoding, type Surveyed } from '../inspect/survey-workers.js';
import { say } from '../text-output.js';
import { checkJobFiles } from './fleet-option.js';
import type { JobPlace } from './job-run.js';

/** What to survey, and how. */
export interface SurveyRequest {
  readonly paths: readonly string[];
  readonly decoding: SharedDecoding;
  /** Most conversations, if the survey collects any. Default: as many as one pass collects. */
  readonly maxFlows?: number | undefined;
  readonly keys: readonly string[];
  readonly aead?: string | undefined;
  /** Creates the survey of all captures. */
  readonly newSurvey: () => Survey;
}

/**
 * Surveys captures by jobs.
 * @returns undefined if one pass has to do it, since the result can't be merged exactly
 * @throws CaptureError, CaptureJobError, StoreError, UsageError
 */
export async function surveyByJobs(request: SurveyRequest, place: JobPlace): Promise<Surveyed | undefined> {
  const { decoding, keys, aead, newSurvey } = request;
  if (place.fleet !== undefined) checkJobFiles(request.paths);
  // Loaded only here: most captures are read without jobs.
  const [{ CaptureJobError }, { jobKeysOf }, { runJobs }, { readEnd }, { runOptions }] = await Promise.all([
    import('../../fleet/internal.js'),
    import('./job-keys.js'),
    import('./job-run.js'),
    import('./read-end.js'),
    import('./run-options.js'),
  ]);
  const paths = await inOrder(request.paths);
  const start = await startAmong(
    paths.map((path) => () => openCaptureFile(path)),
    newSurvey(),
  );
  if (start === undefined) {
    sayHere(place, 'none of the first packets has a time');
    return undefined;
  }
  const survey = newSurvey();
  survey.begin(start);
  const maxConversations = survey.collectsFlows ? (request.maxFlows ?? MAX_CONVERSATIONS) : undefined;
  const plan = {
    options: runOptions('survey', decoding, { maxConversations, start, hasKeys: keys.length > 0, aead }),
    jobs: paths.map((path) => [path] as const),
    keys: jobKeysOf(keys),
  };
  const merge = new PartMerge(survey);
  const ends: CaptureEnd[] = [];
  await runJobs(plan, place, async (answers) => {
    for await (const { job, message } of answers) {
      if (message.kind === 'end') {
        ends.push(message.end);
        continue;
      }
      try {
        merge.add(message.part);
      } catch (error) {
        if (!(error instanceof PartError)) throw error;
        throw new CaptureJobError('BAD_OUTCOME', `${paths[job]}: the answer of its job is unusable: ${error.message}`);
      }
      // No later part makes it exact.
      if (!merge.isExact) return;
    }
  });
  if (!merge.isExact) {
    sayHere(place, "what the jobs found can't be merged exactly");
    return undefined;
  }
  return { survey, sources: ends.map((end, job) => readEnd(paths[job], end)) as ReadCaptures };
}

function sayHere({ fleet }: JobPlace, why: string): void {
  if (fleet !== undefined) say(`vtep: ${why}: reading the captures here`);
}
