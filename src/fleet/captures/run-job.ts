/** Does a job: reads a capture, and answers with what was found. */
import { CaptureError, type PacketSource } from '../../capture/index.js';
import type { CaptureJob } from './capture-job.js';
import { CountedSource } from './counted-source.js';
import { encodeMessage, faultOf } from './job-message.js';
import { type JobKeys, messagesOf } from './parts.js';

/**
 * Does a job.
 * @param open opens one of its files; it is closed at its end
 * @param keys those of the run
 * @param signal ends it; the iteration throws its reason
 * @returns messages: parts, and how each file ended; or at last why a file can't be read
 */
export async function* runCaptureJob(
  job: CaptureJob,
  open: (index: number) => Promise<PacketSource>,
  keys: JobKeys | undefined,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const opened: CountedSource[] = [];
  try {
    const next = async (): Promise<CountedSource> => {
      const source = new CountedSource(await open(opened.length), signal);
      opened.push(source);
      return source;
    };
    for await (const message of messagesOf(job, next, keys)) yield encodeMessage(message);
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    yield encodeMessage({ kind: 'unusable', file: Math.max(0, opened.length - 1), fault: faultOf(error) });
  } finally {
    for (const source of opened) await source.close();
  }
}
