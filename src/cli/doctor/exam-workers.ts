/**
 * `doctor --workers`: every thread reads the capture's files itself and examines its share; this thread is the first, and takes over what
 * the others found.
 */
import { closeShared, openShared, type PacketSource, readShared, type SharedFile } from '../../capture/index.js';
import { type CaptureExam, type ExamPart, InnerOwners } from '../../doctor/internal.js';
import { TaskGroup, WorkersError } from '../../workers/index.js';
import { readInput, withKnownLinkType } from '../capture/capture-input.js';
import type { ReadCaptures } from '../inspect/input-files.js';
import { startOf, type SharedDecoding, type SurveyTask } from '../inspect/survey-workers.js';
import { isInterrupted } from '../interruption.js';

const WORKER = new URL('exam-worker.js', import.meta.url);

/** An exam of all packets, and the files that they are from. */
export interface Examined {
  readonly exam: CaptureExam;
  readonly sources: ReadCaptures;
}

/**
 * Examines a capture in several threads.
 * @param paths its files, in order
 * @param workers number of threads, including this one; 2 or more
 * @param newExam creates the exam of the first thread
 * @returns undefined if one thread has to do it: the capture is compressed or not a file, or what several threads find can't be
 *   merged exactly
 * @throws CaptureError, WorkersError
 */
export async function examineOnCores(
  paths: readonly string[],
  workers: number,
  decoding: SharedDecoding,
  newExam: () => CaptureExam,
): Promise<Examined | undefined> {
  const files: SharedFile[] = [];
  try {
    for (const path of paths) {
      const file = openShared(path);
      if (file === undefined) return undefined;
      files.push(file);
    }
    const start = await startOf(files, newExam().survey);
    return start === undefined ? undefined : await examine({ files, decoding, start }, workers, newExam());
  } finally {
    files.forEach(closeShared);
  }
}

async function examine(task: SurveyTask, workers: number, first: CaptureExam): Promise<Examined | undefined> {
  const { files, decoding, start } = task;
  const others = new TaskGroup(WORKER, { workers: workers - 1, data: () => task });
  try {
    first.begin(start);
    const owners = new InnerOwners(workers, decoding.port);
    const sources: PacketSource[] = [];
    for (const file of files) {
      if (isInterrupted()) break;
      if (sources.length > 0) first.endFile();
      const source = await withKnownLinkType(await readShared(file));
      await readInput(source, (batch) => first.addShare(batch, owners, 0));
      sources.push(source);
    }
    // The others may then have read more or less than this thread; each packet that they counted still counts.
    if (isInterrupted()) others.stop();
    const parts = (await others.finish()) as ExamPart[];
    const { sharedPackets } = first.survey;
    if (!isInterrupted() && parts.some(({ survey }) => survey.packets !== sharedPackets)) {
      throw new WorkersError('INPUT_CHANGED', 'a capture was changed while it was read');
    }
    return first.merge(parts) ? { exam: first, sources: sources as ReadCaptures } : undefined;
  } finally {
    await others.close();
  }
}
