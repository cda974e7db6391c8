/** Gives a run to a queue: uploads what its jobs need, and submits them. */
import { createReadStream } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { StoreError, type StoreErrorCode } from '../error.js';
import type { JobQueue } from '../queue/job-queue.js';
import { encodeEnvelope, encodeJob, type JobFile } from './capture-job.js';
import { CaptureJobError } from './error.js';
import { fileSize, pathFile, unreadable } from './local-file.js';
import { type CapturePlan, jobOf } from './plan.js';
import { BEGUN_FILE, captureFile, KEYS_FILE } from './run-files.js';
import { type KeySealer, type RunSeal, sealedPieces } from './run-seal.js';

const READ_BYTES = 1 << 20;
/** Milliseconds before something is tried again while the server is out of reach. */
const RETRY_WAIT = 250;
const PASSING: readonly StoreErrorCode[] = ['UNAVAILABLE', 'OUTCOME_UNKNOWN'];

/** What a run is given to a queue with. */
export interface SubmissionOptions {
  readonly queue: JobQueue;
  readonly run: string;
  readonly plan: CapturePlan;
  /** The key of the run, and what seals it; undefined: nothing of it is sealed. */
  readonly seal: { readonly key: RunSeal; readonly sealer: KeySealer } | undefined;
  /** Whether workers read the files themselves, under the same paths. */
  readonly sharedPaths: boolean;
  readonly signal: AbortSignal;
  /** Called after each file. */
  readonly onUploaded: () => void;
}

/** Everything waits while the server is out of reach, and what was interrupted is done again. */
export class RunSubmission {
  readonly #options: SubmissionOptions;
  readonly #jobs: Uint8Array[] = [];
  #uploaded = 0;

  constructor(options: SubmissionOptions) {
    this.#options = options;
  }

  /**
   * Uploads and submits. Workers begin while later files are uploaded.
   * @throws CaptureJobError `FILE_CHANGED`, `FILE_REFUSED`; StoreError as of `JobQueue`, `NOT_THERE` if the server lost the
   * run meanwhile; the signal's reason
   */
  async submit(): Promise<void> {
    const { queue, run, plan, seal, sharedPaths } = this.#options;
    await this.#again(() => queue.begin(run));
    await this.#put(BEGUN_FILE, () => of());
    await this.#putKeys();
    const sealedKey = seal && Buffer.from(seal.key.sealedFor(run, seal.sealer)).toString('base64');
    let submitted = 0;
    for (const [index, paths] of plan.jobs.entries()) {
      const files = new Map<string, JobFile>();
      for (const path of paths) files.set(path, sharedPaths ? pathFile(path) : await this.#upload(path));
      const job = encodeJob(jobOf(plan, index, (path) => files.get(path) ?? pathFile(path)));
      const text = Buffer.from(seal?.key.seal(`job ${index}`, job) ?? job).toString('base64');
      this.#jobs.push(encodeEnvelope({ version: 1, ...(sealedKey !== undefined && { seal: sealedKey }), job: text }));
      // Submitting repeats what was submitted before, so not for each job.
      const isLast = index === plan.jobs.length - 1;
      if (isLast || (!sharedPaths && this.#jobs.length >= submitted + Math.max(1, submitted / 4))) {
        await this.submitAgain();
        submitted = this.#jobs.length;
      }
    }
    // A server that was emptied takes jobs of a run that it no longer knows.
    const begun = queue.readFile(run, BEGUN_FILE, this.#options.signal)[Symbol.asyncIterator]();
    while ((await begun.next()).done !== true);
  }

  /** Submits the jobs that the server lost. */
  async submitAgain(): Promise<void> {
    const { queue, run } = this.#options;
    await this.#again(() => queue.submit(run, this.#jobs));
  }

  async #putKeys(): Promise<void> {
    const { plan, seal } = this.#options;
    const { keys } = plan;
    if (keys === undefined) return;
    if (seal === undefined) throw new CaptureJobError('SEALED', 'keys go to workers only sealed');
    await this.#put(KEYS_FILE, () => sealedPieces(seal.key, KEYS_FILE, of(keys)));
  }

  async #upload(path: string): Promise<JobFile> {
    const { seal, signal, onUploaded } = this.#options;
    const object = captureFile(this.#uploaded++);
    const size = fileSize(path);
    await this.#put(object, () => {
      const pieces = piecesOf(path, size, signal);
      return seal === undefined ? pieces : sealedPieces(seal.key, object, pieces);
    });
    onUploaded();
    return { where: 'object', object, size };
  }

  async #put(name: string, pieces: () => AsyncIterable<Uint8Array>): Promise<void> {
    const { queue, run } = this.#options;
    let isAgain = false;
    await this.#again(async () => {
      try {
        await queue.putFile(run, name, pieces());
      } catch (error) {
        // The attempt before was made after all: a file is there as a whole or not at all.
        if (isAgain && error instanceof StoreError && error.code === 'CONFLICT') return;
        isAgain = true;
        throw error;
      }
    });
  }

  async #again(attempt: () => Promise<void>): Promise<void> {
    const { signal } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      try {
        await attempt();
        return;
      } catch (error) {
        if (!(error instanceof StoreError) || !PASSING.includes(error.code)) throw error;
        await wait(RETRY_WAIT, undefined, { signal });
      }
    }
  }
}

/** The first bytes of a file, as many as it had: one that grows meanwhile is read up to there. */
async function* piecesOf(path: string, size: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let left = size;
  if (left === 0) return;
  const stream = createReadStream(path, { highWaterMark: READ_BYTES, end: size - 1 });
  try {
    for await (const piece of stream as AsyncIterable<Uint8Array>) {
      signal.throwIfAborted();
      left -= piece.length;
      yield piece;
    }
  } catch (error) {
    throw signal.aborted ? error : unreadable(path, error);
  }
  if (left > 0) throw new CaptureJobError('FILE_CHANGED', `${path} was truncated while it was uploaded`);
}

async function* of(...pieces: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* await Promise.resolve(pieces);
}
