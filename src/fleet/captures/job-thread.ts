/** The thread's side of `JobThreads`. */
import { createReadStream, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { openCaptureStream, type PacketSource, readShared, type SharedFile } from '../../capture/index.js';
import type { CaptureJob } from './capture-job.js';
import type { JobKeys } from './parts.js';
import { runCaptureJob } from './run-job.js';

/** Messages that a thread may have sent without being asked for more. */
export const AHEAD = 8;

const GZIP_MAGIC = [0x1f, 0x8b] as const;
const READ_BYTES = 1 << 20;

/** A job for a thread. */
export interface ThreadTask {
  readonly job: CaptureJob;
  /** Its files, open for the whole process. */
  readonly files: readonly SharedFile[];
  /** The keys of the run, in memory that the threads share, so that there is no copy of them. */
  readonly keys: Uint8Array<SharedArrayBuffer> | undefined;
}

/** What a thread gets: a job, or that one of its messages was taken. */
export type ToThread = { readonly kind: 'task'; readonly task: ThreadTask } | { readonly kind: 'taken' };

/** What a thread says. */
export type FromThread =
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * Does jobs in this thread. Call it once, at the end of the thread's module.
 * @param openKeys reads the keys of a run
 */
export function serveJobs(openKeys: (keys: Uint8Array, job: CaptureJob) => Promise<JobKeys>): void {
  const port = parentPort;
  if (port === null) throw new Error('only a thread can serve jobs');
  let ahead = 0;
  let wake: (() => void) | undefined;
  const say = (message: FromThread): void => port.postMessage(message);
  const run = async ({ job, files, keys }: ThreadTask): Promise<void> => {
    ahead = 0;
    try {
      const opened = keys === undefined ? undefined : await openKeys(keys, job);
      for await (const bytes of runCaptureJob(job, (index) => openFile(files[index]), opened)) {
        say({ kind: 'message', bytes });
        if (++ahead >= AHEAD) await new Promise<void>((resolve) => (wake = resolve));
      }
      say({ kind: 'done' });
    } catch (error) {
      say({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
    }
  };
  port.on('message', (message: ToThread) => {
    if (message.kind === 'task') {
      void run(message.task);
      return;
    }
    ahead--;
    wake?.();
    wake = undefined;
  });
}

/** Opens a file that the process has open. */
async function openFile(file: SharedFile): Promise<PacketSource> {
  const { descriptor, name, size } = file;
  const magic = new Uint8Array(GZIP_MAGIC.length);
  const count = readSync(descriptor, magic, 0, magic.length, 0);
  const compressed = count === magic.length && GZIP_MAGIC.every((byte, i) => magic[i] === byte);
  if (!compressed) return readShared(file);
  const range = { start: 0, end: size - 1 };
  const stream = createReadStream('', { fd: descriptor, autoClose: false, highWaterMark: READ_BYTES, ...range });
  return openCaptureStream(stream, name);
}
