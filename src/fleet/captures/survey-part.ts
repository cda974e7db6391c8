/** What a survey finds in one of several captures. */
import { PartSurvey } from '../../inspect/internal.js';
import type { CaptureJob } from './capture-job.js';
import type { CountedSource } from './counted-source.js';
import { decodingOf, type JobKeys } from './parts.js';

/** Surveys a capture with nothing known of the others. */
export async function* surveyPart(job: CaptureJob, source: CountedSource, keys: JobKeys | undefined): AsyncGenerator {
  const { checksums, maxRows, maxConversations, start } = job;
  const survey = new PartSurvey({
    ...decodingOf(job),
    ...keys?.openEsp(),
    gossip: keys?.openGossip(),
    checksums,
    ...(maxRows !== undefined && { maxRows }),
    flows: maxConversations !== undefined && { maxConversations },
  });
  if (start !== undefined) survey.begin(start);
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) survey.addBatch(batch);
  yield survey.part();
}
