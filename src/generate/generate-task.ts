/** A capture made by several threads: each makes its own blocks, and writes them when it is their turn. */
import { CaptureError } from '../capture/index.js';
import { systemReason } from '../capture/file/standard-stream.js';
import { TaskGroup } from '../workers/index.js';
import type { GenerateReport } from './capture-generator.js';
import type { GenerateOptions } from './options.js';

/** Options of the threads. */
export interface GenerateTaskOptions {
  /** Number of threads, 1 to 64. The bytes don't depend on it. */
  readonly workers: number;
  /** What they write to: a descriptor of this process. */
  readonly descriptor: number;
  /** Name of the cipher; default: the fastest that works. */
  readonly cipher?: string | undefined;
}

/** Start data of a thread. */
export interface GenerateShare {
  readonly options: GenerateOptions;
  readonly descriptor: number;
  readonly cipher: string | undefined;
  /** The index of the block that is to be written next. */
  readonly turn: SharedArrayBuffer;
}

/** What a thread returns: neither, if another one failed. */
export interface GenerateOutcome {
  readonly report?: GenerateReport;
  readonly failure?: { readonly code: string; readonly message: string } | undefined;
}

/**
 * A generation in progress, in threads.
 * @example
 * import { closeSync, openSync } from 'node:fs';
 * import { isMainThread } from 'node:worker_threads';
 * import { chooseAead } from 'vtep/aead';
 * import { GenerateTask, serveGenerate } from 'vtep/generate';
 *
 * if (isMainThread) {
 *   const descriptor = openSync('wire.pcap', 'w');
 *   const task = new GenerateTask(new URL(import.meta.url), { packets: 1e6 }, { workers: 2, descriptor });
 *   console.log((await task.finish()).packets);
 *   await task.close();
 *   closeSync(descriptor);
 * } else {
 *   await serveGenerate((name) => chooseAead(name).aead);
 * }
 */
export class GenerateTask {
  readonly #group: TaskGroup;

  /**
   * Starts the threads.
   * @param module the threads' code, which calls `serveGenerate`
   * @throws WorkersError `BAD_GROUP`
   */
  constructor(module: URL, options: GenerateOptions, { workers, descriptor, cipher }: GenerateTaskOptions) {
    const share: GenerateShare = { options, descriptor, cipher, turn: new SharedArrayBuffer(4) };
    this.#group = new TaskGroup(module, { workers, data: () => share });
  }

  /** How much is done, from 0 to 1. */
  get progress(): number {
    return this.#group.progress;
  }

  /**
   * Waits for the end.
   * @throws CaptureError `FILE_UNUSABLE` if the bytes can't be written; WorkersError `WORKER_FAILED`
   */
  async finish(): Promise<GenerateReport> {
    const outcomes = (await this.#group.finish()) as GenerateOutcome[];
    const failure = outcomes.find((outcome) => outcome.failure !== undefined)?.failure;
    const [{ report }] = outcomes;
    if (report !== undefined && failure === undefined) return report;
    const { code = '', message = 'a thread ended early' } = failure ?? {};
    const cause = Object.assign(new Error(message), { code });
    throw new CaptureError('FILE_UNUSABLE', `can't write ${systemReason('the capture', cause)}`, { cause });
  }

  /** Ends it early: `finish` returns the report of what has been written, which is a whole number of packets. */
  stop(): void {
    this.#group.stop();
  }

  /** Ends the threads, whatever their state. */
  async close(): Promise<void> {
    await this.#group.close();
  }
}
