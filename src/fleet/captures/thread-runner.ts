/** Does the jobs of a plan in threads of this process. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { decodeMessage, type JobMessage } from './job-message.js';
import type { JobThreads } from './job-threads.js';
import { answersOf, type CapturePlan, jobOf, type JobAnswer, type JobRunner } from './plan.js';

/** Messages of a job that are held until it is its turn: more than those of a survey, so that its thread is free again. */
const HELD = 8;

/** Does jobs in threads. At most one job more than threads is begun and not yet merged: what it found is in memory. */
export class ThreadRunner implements JobRunner {
  readonly #threads: JobThreads;
  readonly #workers: number;

  /** @param workers number of threads */
  constructor(threads: JobThreads, workers: number) {
    this.#threads = threads;
    this.#workers = workers;
  }

  async *run(plan: CapturePlan, signal: AbortSignal): AsyncGenerator<JobAnswer> {
    const stop = new AbortController();
    const end = AbortSignal.any([signal, stop.signal]);
    const begun: HeldMessages[] = [];
    try {
      for (let job = 0, next = 0; job < plan.jobs.length; job++) {
        for (; next < plan.jobs.length && next <= job + this.#workers; next++) {
          begun.push(new HeldMessages(this.#messages(plan, next, end)));
        }
        yield* answersOf(plan, job, begun[job].take());
      }
    } finally {
      stop.abort();
      await Promise.all(begun.map((held) => held.drop()));
    }
  }

  async *#messages(plan: CapturePlan, index: number, signal: AbortSignal): AsyncGenerator<JobMessage> {
    const job = jobOf(plan, index, () => ({ where: 'object', object: '-', size: 0 }));
    const files: { descriptor: number; name: string; size: number }[] = [];
    try {
      for (const name of plan.jobs[index]) {
        const descriptor = openSync(name, 'r');
        files.push({ descriptor, name, size: 0 });
        files[files.length - 1].size = fstatSync(descriptor).size;
      }
      for await (const bytes of this.#threads.run({ job, files, keys: plan.keys }, signal)) yield decodeMessage(bytes);
    } finally {
      for (const { descriptor } of files) closeSync(descriptor);
    }
  }
}

/** Messages that are produced before someone takes them, up to a few. */
class HeldMessages {
  readonly #ended: Promise<void>;
  readonly #held: JobMessage[] = [];
  #error: unknown;
  #failed = false;
  #done = false;
  #dropped = false;
  #wakeTaker: (() => void) | undefined;
  #wakeMaker: (() => void) | undefined;

  constructor(messages: AsyncGenerator<JobMessage>) {
    this.#ended = this.#make(messages);
  }

  /** Ends the production; resolves once it has ended. */
  drop(): Promise<void> {
    this.#dropped = true;
    this.#wakeMaker?.();
    return this.#ended;
  }

  async *take(): AsyncGenerator<JobMessage> {
    for (;;) {
      const message = this.#held.shift();
      if (message !== undefined) {
        this.#wakeMaker?.();
        yield message;
      } else if (this.#failed) {
        throw this.#error;
      } else if (this.#done) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wakeTaker = resolve));
      }
    }
  }

  async #make(messages: AsyncGenerator<JobMessage>): Promise<void> {
    try {
      for await (const message of messages) {
        this.#held.push(message);
        this.#wakeTaker?.();
        while (this.#held.length >= HELD && !this.#dropped) {
          await new Promise<void>((resolve) => (this.#wakeMaker = resolve));
        }
        if (this.#dropped) break;
      }
    } catch (error) {
      this.#error = error;
      this.#failed = true;
    }
    this.#done = true;
    this.#wakeTaker?.();
  }
}
