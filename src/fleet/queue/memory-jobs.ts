/** The jobs of a queue in memory: those that wait, and those that workers hold. */
import { aborted, OVER, type QueueTime } from './time.js';

export interface MemoryJob {
  readonly run: string;
  readonly index: number;
  readonly work: Uint8Array;
  /** How often it was given out, and how often it was given back. */
  given: number;
  givenBack: number;
}

/** A job that a worker holds. */
export interface HeldJob {
  readonly job: Readonly<MemoryJob>;
  /** Does nothing once another has it. */
  renew(): void;
  /** Lets it be given out again after so many milliseconds. */
  release(wait: number): void;
  giveBack(): void;
}

export class MemoryJobs {
  readonly #ackWait: number;
  readonly #time: QueueTime;
  /** By run and index. */
  readonly #jobs = new Map<string, Map<number, MemoryJob>>();
  /** In the order in which they are given out. */
  readonly #waiting = new Set<MemoryJob>();
  /** Given back: they come first. */
  readonly #returned = new Set<MemoryJob>();
  /** With workers, and when their time is over. */
  readonly #held = new Map<MemoryJob, number>();
  /** They failed and are tried again from this time on. It is the same time after each failure, so the first is due first. */
  readonly #failed = new Map<MemoryJob, number>();
  readonly #idle = new Set<() => void>();
  #size = 0;

  constructor(ackWait: number, time: QueueTime) {
    this.#ackWait = ackWait;
    this.#time = time;
  }

  get size(): number {
    return this.#size;
  }

  has(run: string, index: number): boolean {
    return this.#jobs.get(run)?.has(index) === true;
  }

  add(run: string, index: number, work: Uint8Array): void {
    const job: MemoryJob = { run, index, work, given: 0, givenBack: 0 };
    const jobs = this.#jobs.get(run) ?? new Map<number, MemoryJob>();
    this.#jobs.set(run, jobs.set(index, job));
    this.#waiting.add(job);
    this.#size++;
    this.#wake();
  }

  remove(run: string, index: number): void {
    const jobs = this.#jobs.get(run);
    const job = jobs?.get(index);
    if (jobs === undefined || job === undefined) return;
    jobs.delete(index);
    if (jobs.size === 0) this.#jobs.delete(run);
    this.#withdraw(job);
    this.#size--;
  }

  removeRun(run: string): void {
    for (const index of [...(this.#jobs.get(run)?.keys() ?? [])]) this.remove(run, index);
  }

  /** Waits for a job. @returns undefined once the signal is aborted */
  async take(signal: AbortSignal): Promise<HeldJob | undefined> {
    while (!signal.aborted) {
      const job = this.#first();
      if (job) return this.#hold(job);
      await this.#change(signal);
    }
    return undefined;
  }

  #first(): MemoryJob | undefined {
    const now = this.#time.now();
    for (const [job, until] of this.#held) if (until <= now) return job;
    for (const job of this.#returned) return job;
    for (const [job, due] of this.#failed) {
      if (due <= now) return job;
      break;
    }
    for (const job of this.#waiting) return job;
    return undefined;
  }

  #withdraw(job: MemoryJob): void {
    this.#waiting.delete(job);
    this.#returned.delete(job);
    this.#held.delete(job);
    this.#failed.delete(job);
  }

  #hold(job: MemoryJob): HeldJob {
    const given = ++job.given;
    this.#withdraw(job);
    this.#held.set(job, this.#time.now() + this.#ackWait);
    const holds = (): boolean => job.given === given && this.#held.has(job);
    return {
      job,
      renew: () => {
        const now = this.#time.now();
        // Too late is late, though nobody has asked for it yet.
        if (holds() && (this.#held.get(job) ?? 0) > now) this.#held.set(job, now + this.#ackWait);
      },
      release: (wait) => {
        if (!holds()) return;
        this.#withdraw(job);
        this.#failed.set(job, this.#time.now() + wait);
        this.#wake();
      },
      giveBack: () => {
        if (!holds()) return;
        job.givenBack++;
        this.#withdraw(job);
        this.#returned.add(job);
        this.#wake();
      },
    };
  }

  #wake(): void {
    for (const resume of [...this.#idle]) resume();
  }

  /** Resolves when there may be a job to give out, or the signal is aborted. */
  async #change(signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const end = (): void => {
      over.abort(OVER);
    };
    this.#idle.add(end);
    signal.addEventListener('abort', end, { once: true });
    const [failed = Infinity] = this.#failed.values();
    const due = Math.min(failed, ...this.#held.values());
    if (due < Infinity) await this.#time.wait(due - this.#time.now(), over.signal);
    else await aborted(over.signal, over.signal);
    this.#idle.delete(end);
    signal.removeEventListener('abort', end);
  }
}
