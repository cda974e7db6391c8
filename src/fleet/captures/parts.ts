/** What is found in a capture, by kind of job. */
import { CaptureError, type PacketSource } from '../../capture/index.js';
import type { UnderlayDecoderOptions } from '../../dataplane/index.js';
import { CaptureExam, examResult } from '../../doctor/internal.js';
import { decapPieces } from '../../frames/internal.js';
import type { GossipKeyring } from '../../gossip/index.js';
import type { SurveyOptions } from '../../inspect/index.js';
import { VxlanReserved } from '../../wire/index.js';
import type { CaptureJob } from './capture-job.js';
import type { CountedSource } from './counted-source.js';
import { captureEnd, type JobMessage } from './job-message.js';
import { surveyPart } from './survey-part.js';

/** The keys of a run: new SAs and keyrings for each job. */
export interface JobKeys {
  openEsp(): Pick<SurveyOptions, 'esp' | 'ringSas' | 'cipher'> | undefined;
  openGossip(): GossipKeyring | undefined;
}

/** The options of a decoder that a job names. */
export function decodingOf({ port, vni, ignoresReserved }: CaptureJob): UnderlayDecoderOptions {
  return {
    ...(port !== undefined && { port }),
    ...(vni !== undefined && { vni }),
    reserved: ignoresReserved ? VxlanReserved.Ignore : VxlanReserved.Refuse,
  };
}

/**
 * Does a job.
 * @param next opens the next file of the job
 * @throws CaptureError if a file can't be read
 */
export async function* messagesOf(
  job: CaptureJob,
  next: () => Promise<CountedSource>,
  keys: JobKeys | undefined,
): AsyncGenerator<JobMessage> {
  if (job.kind === 'exam') {
    yield* exam(job, next, keys);
    return;
  }
  const source = await next();
  const parts = job.kind === 'survey' ? surveyPart(job, source, keys) : pieces(job, source, keys);
  for await (const part of parts) yield { kind: 'part', part };
  yield ended(source);
}

async function* exam(
  job: CaptureJob,
  next: () => Promise<CountedSource>,
  keys: JobKeys | undefined,
): AsyncGenerator<JobMessage> {
  const { checksums, trace, files } = job;
  const found = new CaptureExam({
    ...decodingOf(job),
    ...keys?.openEsp(),
    gossip: keys?.openGossip(),
    checksums,
    trace,
  });
  const sources: PacketSource[] = [];
  for (let i = 0; i < files.length; i++) {
    const source = await next();
    if (i > 0) found.endFile();
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) found.addBatch(batch);
    yield ended(source);
    sources.push(source);
  }
  const [first, ...others] = sources;
  yield { kind: 'part', part: examResult(found.report([first, ...others])) };
}

function pieces(job: CaptureJob, source: PacketSource, keys: JobKeys | undefined): AsyncIterable<unknown> {
  return decapPieces(source, { ...decodingOf(job), ...keys?.openEsp(), keepTruncated: job.keepTruncated });
}

/** @throws CaptureError if nothing could be read */
function ended(source: CountedSource): JobMessage {
  const { damage, packets, name } = source;
  if (damage !== undefined && packets === 0) throw new CaptureError(damage.code, `${name}: ${damage.message}`);
  return { kind: 'end', end: captureEnd(source) };
}
