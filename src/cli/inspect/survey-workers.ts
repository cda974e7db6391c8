/**
 * `inspect --workers`: every thread reads the captures itself and counts its share; this thread is the first, and takes over
 * the counts of the others.
 */
import { closeShared, openShared, type PacketSource, readShared, type SharedFile } from '../../capture/index.js';
import type { Survey, SurveyOptions } from '../../inspect/index.js';
import { PlainVxlan, type SurveyPart } from '../../inspect/internal.js';
import { TaskGroup, WorkersError } from '../../workers/index.js';
import { readInput, withKnownLinkType } from '../capture/capture-input.js';
import { isInterrupted } from '../interruption.js';
import { inOrder, type ReadCaptures } from './input-files.js';

const WORKER = new URL('survey-worker.js', import.meta.url);
/** In how many batches the first packet is searched that begins the traffic over time. */
const MAX_BATCHES = 256;

/** How the threads decode. Only the first has keys: all ESP is its. */
export type SharedDecoding = Pick<SurveyOptions, 'port' | 'vni' | 'reserved' | 'checksums'>;

/** When the traffic over time begins. */
export type SurveyStart = NonNullable<Survey['start']>;

/** Start data of a thread. */
export interface SurveyTask {
  readonly files: readonly SharedFile[];
  readonly decoding: SharedDecoding;
  readonly start: SurveyStart;
}

/** A survey of all packets, and the captures they are from. */
export interface Surveyed {
  readonly survey: Survey;
  readonly sources: ReadCaptures;
}

/**
 * Surveys captures in several threads.
 * @param workers number of threads, including this one; 2 or more
 * @param newSurvey creates the survey of the first thread
 * @returns undefined if one thread has to do it: the captures are compressed or not files, or the counts of several threads
 *   can't be merged exactly
 * @throws CaptureError, WorkersError
 */
export async function surveyOnCores(
  paths: readonly string[],
  workers: number,
  decoding: SharedDecoding,
  newSurvey: () => Survey,
): Promise<Surveyed | undefined> {
  const files: SharedFile[] = [];
  try {
    for (const path of await inOrder(paths)) {
      const file = openShared(path);
      if (file === undefined) return undefined;
      files.push(file);
    }
    const start = await startOf(files, newSurvey());
    return start === undefined ? undefined : await survey({ files, decoding, start }, workers, newSurvey());
  } finally {
    files.forEach(closeShared);
  }
}

/** When a survey's traffic over time begins: for every thread, it must begin with the same packet. */
export function startOf(files: readonly SharedFile[], probe: Survey): Promise<SurveyStart | undefined> {
  return startAmong(
    files.map((file) => () => readShared(file)),
    probe,
  );
}

/**
 * The same for captures that aren't open.
 * @param captures open them, in order
 * @returns undefined if its first packet isn't among the first of the captures
 */
export async function startAmong(
  captures: readonly (() => Promise<PacketSource>)[],
  probe: Survey,
): Promise<SurveyStart | undefined> {
  let batches = 0;
  for (const open of captures) {
    const source = await open();
    try {
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
        for (let i = 0; i < batch.count && probe.start === undefined; i++) probe.add(batch, i);
        if (probe.start !== undefined || ++batches === MAX_BATCHES) return probe.start;
      }
    } finally {
      await source.close();
    }
  }
  return undefined;
}

async function survey(task: SurveyTask, workers: number, first: Survey): Promise<Surveyed | undefined> {
  const { files, decoding, start } = task;
  const others = new TaskGroup(WORKER, { workers: workers - 1, data: () => task });
  try {
    first.begin(start);
    const owners = new PlainVxlan(workers, decoding.port);
    const sources: PacketSource[] = [];
    for (const file of files) {
      if (isInterrupted()) break;
      const source = await withKnownLinkType(await readShared(file));
      await readInput(source, (batch) => first.addShare(batch, owners, 0));
      sources.push(source);
    }
    // The others may then have read more or less than this thread; each packet that they counted still counts.
    if (isInterrupted()) others.stop();
    const parts = (await others.finish()) as SurveyPart[];
    if (!isInterrupted() && parts.some(({ packets }) => packets !== first.sharedPackets)) {
      throw new WorkersError('INPUT_CHANGED', 'a capture was changed while it was read');
    }
    return first.merge(parts) ? { survey: first, sources: sources as ReadCaptures } : undefined;
  } finally {
    await others.close();
  }
}
