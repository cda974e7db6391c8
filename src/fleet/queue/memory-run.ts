/** A run of a queue in memory: what it has besides its jobs. */
import { quoted } from '../../text/plain-text.js';
import { StoreError } from '../error.js';
import { type JobOutcome } from './job-queue.js';
import { OVER, type QueueTime } from './time.js';

export class MemoryRun {
  readonly name: string;
  /** When it was begun, in milliseconds of the queue's clock. */
  readonly begun: number;
  readonly #outcomes: JobOutcome[] = [];
  readonly #settled = new Set<number>();
  readonly #files = new Map<string, readonly Uint8Array[]>();
  readonly #waiting = new Set<() => void>();
  #bytes = 0;

  constructor(name: string, begun: number) {
    this.name = name;
    this.begun = begun;
  }

  /** Of its results and files. */
  get bytes(): number {
    return this.#bytes;
  }

  has(index: number): boolean {
    return this.#settled.has(index);
  }

  /** The outcome that came after so many others. */
  outcome(at: number): JobOutcome | undefined {
    return this.#outcomes.at(at);
  }

  settle(outcome: JobOutcome): void {
    this.#settled.add(outcome.index);
    this.#outcomes.push(outcome);
    if (outcome.kind === 'done') this.#bytes += outcome.result.length;
    this.end();
  }

  /** @throws StoreError `CONFLICT` */
  checkNew(name: string): void {
    if (!this.#files.has(name)) return;
    throw new StoreError('CONFLICT', `the run ${this.name} has a file ${quoted(name)} already`);
  }

  addFile(name: string, pieces: readonly Uint8Array[], length: number): void {
    this.checkNew(name);
    this.#files.set(name, pieces);
    this.#bytes += length;
  }

  /** @throws StoreError `NOT_THERE` */
  file(name: string): readonly Uint8Array[] {
    const pieces = this.#files.get(name);
    if (pieces === undefined) throw new StoreError('NOT_THERE', `the run ${this.name} has no file ${quoted(name)}`);
    return pieces;
  }

  /** Resolves at the next outcome, at the run's end, at a time, or when one of the signals is aborted. */
  async changed(time: QueueTime, until: number, ...signals: readonly (AbortSignal | undefined)[]): Promise<void> {
    const over = new AbortController();
    const end = (): void => {
      over.abort(OVER);
    };
    this.#waiting.add(end);
    for (const signal of signals) signal?.addEventListener('abort', end, { once: true });
    await time.wait(until - time.now(), over.signal);
    this.#waiting.delete(end);
    for (const signal of signals) signal?.removeEventListener('abort', end);
  }

  /** Lets those who wait look again. */
  end(): void {
    for (const resume of [...this.#waiting]) resume();
  }
}
