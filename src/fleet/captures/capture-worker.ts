/** A worker: does the jobs of captures that a queue has. */
import { randomBytes } from 'node:crypto';
import { StoreError } from '../error.js';
import type { Job, JobQueue } from '../queue/job-queue.js';
import { decodeEnvelope, decodeJob, type JobFile } from './capture-job.js';
import { CaptureJobError } from './error.js';
import { storedResult } from './job-result.js';
import type { JobThreads } from './job-threads.js';
import { type OpenFile, openPathFile } from './local-file.js';
import { KEYS_FILE, MAX_KEYS } from './run-files.js';
import { type KeySealer, openedPieces, RunSeal } from './run-seal.js';
import { spooledFile } from './spooled-file.js';

/** What a worker needs. */
export interface CaptureWorkerOptions {
  readonly queue: JobQueue;
  readonly threads: JobThreads;
  /** The version of vtep. */
  readonly program: string;
  /** Opens sealed jobs. With it, others are refused: whoever can write to the queue could ask for anything. */
  readonly sealer?: KeySealer | undefined;
  /** The folder of the files that jobs may name, as `realpath` gives it. @default undefined: none */
  readonly root?: string | undefined;
  /** Called with why a job failed, in a line that may have characters of the job's. @default not reported */
  readonly onFailure?: ((why: string) => void) | undefined;
}

/** What a worker did. */
export interface WorkerTotals {
  done: number;
  failed: number;
  /** Under way. */
  active: number;
}

/** Does jobs: pass `handle` to the `work` of a queue. */
export class CaptureWorker {
  readonly totals: WorkerTotals = { done: 0, failed: 0, active: 0 };
  readonly #options: CaptureWorkerOptions;

  constructor(options: CaptureWorkerOptions) {
    this.#options = options;
  }

  /** @throws CaptureJobError, StoreError: why the job failed, in one line */
  readonly handle = async (job: Job, signal: AbortSignal): Promise<Uint8Array> => {
    const { totals } = this;
    totals.active++;
    try {
      const result = await this.#do(job, signal);
      totals.done++;
      return result;
    } catch (error) {
      if (!signal.aborted) {
        totals.failed++;
        this.#options.onFailure?.(`job ${job.index} of run ${job.run}: ${(error as Error).message}`);
      }
      throw error;
    } finally {
      totals.active--;
    }
  };

  async #do({ run, index, work }: Job, signal: AbortSignal): Promise<Uint8Array> {
    const { queue, threads, program } = this.#options;
    const { seal, bytes } = this.#open(run, index, work);
    const files: OpenFile[] = [];
    let keys: Uint8Array<SharedArrayBuffer> | undefined;
    try {
      const job = decodeJob(bytes, program);
      keys = job.hasKeys ? await this.#keysOf(run, seal, signal) : undefined;
      for (const { file } of job.files) files.push(await this.#file(run, file, seal, signal));
      const shared = files.map(({ descriptor, size }, i) => ({ descriptor, size, name: job.files[i].name }));
      const messages = threads.run({ job, files: shared, keys }, signal);
      const unchanged = withCheck(messages, files);
      return await storedResult({ queue, run, index, seal }, unchanged, randomBytes(8).toString('hex'));
    } finally {
      for (const file of files) file.close();
      keys?.fill(0);
      seal?.wipe();
    }
  }

  #open(run: string, index: number, work: Uint8Array): { seal: RunSeal | undefined; bytes: Uint8Array } {
    const { sealer } = this.#options;
    const { seal: sealed, job } = decodeEnvelope(work);
    const bytes = Buffer.from(job, 'base64');
    if (sealed === undefined) {
      if (sealer === undefined) return { seal: undefined, bytes };
      throw new CaptureJobError('SEALED', "the job isn't sealed, and this worker has a key-encryption key");
    }
    if (sealer === undefined) {
      throw new CaptureJobError('SEALED', 'the job is sealed, and this worker has no key-encryption key (--kek)');
    }
    const seal = RunSeal.open(run, Buffer.from(sealed, 'base64'), sealer);
    return { seal, bytes: seal.open(`job ${index}`, bytes) };
  }

  async #keysOf(run: string, seal: RunSeal | undefined, signal: AbortSignal): Promise<Uint8Array<SharedArrayBuffer>> {
    if (seal === undefined) throw new CaptureJobError('SEALED', 'the job has keys that are not sealed');
    const pieces: Uint8Array[] = [];
    let length = 0;
    try {
      const stored = this.#options.queue.readFile(run, KEYS_FILE, signal);
      for await (const piece of openedPieces(seal, KEYS_FILE, stored)) {
        pieces.push(piece);
        length += piece.length;
        if (length > MAX_KEYS)
          throw new CaptureJobError('BAD_JOB', `the keys of the run have more than ${MAX_KEYS} bytes`);
      }
      const bytes = new Uint8Array(new SharedArrayBuffer(length));
      let at = 0;
      for (const piece of pieces) {
        bytes.set(piece, at);
        at += piece.length;
      }
      return bytes;
    } finally {
      for (const piece of pieces) piece.fill(0);
    }
  }

  async #file(run: string, file: JobFile, seal: RunSeal | undefined, signal: AbortSignal): Promise<OpenFile> {
    const { queue, root } = this.#options;
    if (file.where === 'path') return openPathFile(file, root);
    try {
      const stored = queue.readFile(run, file.object, signal);
      return await spooledFile(seal === undefined ? stored : openedPieces(seal, file.object, stored), file.size);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw new CaptureJobError('FILE_REFUSED', `the file of the run can't be had: ${error.message}`, { cause: error });
    }
  }
}

/** The same messages; at their end, the files must be as they were. */
async function* withCheck(messages: AsyncIterable<Uint8Array>, files: readonly OpenFile[]): AsyncGenerator<Uint8Array> {
  yield* messages;
  for (const file of files) file.check();
}
