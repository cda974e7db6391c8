/** Threads that do jobs, one each at a time. A job that takes its thread down fails, and nothing else does. */
import { Worker } from 'node:worker_threads';
import { plainMessage } from '../../text/plain-text.js';
import { CaptureJobError } from './error.js';
import type { FromThread, ThreadTask, ToThread } from './job-thread.js';

/** A number of threads, which are started as they are needed. */
export class JobThreads {
  readonly #module: URL;
  readonly #most: number;
  readonly #idle: Worker[] = [];
  readonly #busy = new Set<Worker>();
  readonly #waiting: (() => void)[] = [];

  /**
   * @param module the threads' code, which calls `serveJobs`
   * @param most number of threads
   */
  constructor(module: URL, most: number) {
    this.#module = module;
    this.#most = most;
  }

  /**
   * Does a job in the next free thread. A thread whose messages nobody takes waits.
   * @param signal ends the job, and its thread
   * @returns the messages, in order
   * @throws CaptureJobError `JOB_FAILED`; the signal's reason
   */
  async *run(task: ThreadTask, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const thread = await this.#free(signal);
    const answers = new Answers(thread, signal);
    let ended = false;
    try {
      tell(thread, { kind: 'task', task });
      for (;;) {
        const answer = await answers.next();
        if (answer.kind === 'failed') throw failure(answer.reason);
        if (answer.kind === 'done') break;
        tell(thread, { kind: 'taken' });
        yield answer.bytes;
      }
      ended = true;
    } finally {
      answers.close();
      this.#busy.delete(thread);
      // Another one is started in its place: what it is in the middle of, or what state it is in, isn't known.
      if (ended) this.#idle.push(thread);
      else await thread.terminate();
      this.#waiting.shift()?.();
    }
  }

  /** Ends all threads. */
  async close(): Promise<void> {
    const all = [...this.#idle.splice(0), ...this.#busy];
    await Promise.all(all.map((thread) => thread.terminate()));
  }

  async #free(signal: AbortSignal): Promise<Worker> {
    signal.throwIfAborted();
    while (this.#idle.length === 0 && this.#busy.size >= this.#most) {
      await this.#oneFree(signal);
      signal.throwIfAborted();
    }
    const thread = this.#idle.pop() ?? this.#start();
    this.#busy.add(thread);
    return thread;
  }

  #oneFree(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const free = (): void => {
        signal.removeEventListener('abort', give);
        resolve();
      };
      // Otherwise a thread that becomes free would wake up who no longer waits.
      const give = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(free), 1);
        free();
      };
      this.#waiting.push(free);
      signal.addEventListener('abort', give, { once: true });
    });
  }

  #start(): Worker {
    const thread = new Worker(this.#module);
    // An idle thread that dies is not used again; a busy one's `Answers` say so.
    const drop = (): void => {
      const at = this.#idle.indexOf(thread);
      if (at >= 0) this.#idle.splice(at, 1);
    };
    thread.on('error', drop);
    thread.on('exit', drop);
    return thread;
  }
}

/** What a thread says about one job. */
class Answers {
  readonly #held: FromThread[] = [];
  readonly #thread: Worker;
  readonly #signal: AbortSignal;
  #wake: (() => void) | undefined;

  readonly #onMessage = (message: FromThread): void => this.#take(message);
  readonly #onError = (error: unknown): void => {
    this.#take({ kind: 'failed', reason: error instanceof Error ? error.message : 'its thread failed' });
  };
  readonly #onExit = (): void => this.#take({ kind: 'failed', reason: 'its thread ended' });
  readonly #onAbort = (): void => this.#wake?.();

  constructor(thread: Worker, signal: AbortSignal) {
    this.#thread = thread;
    this.#signal = signal;
    thread.on('message', this.#onMessage);
    thread.on('error', this.#onError);
    thread.on('exit', this.#onExit);
    signal.addEventListener('abort', this.#onAbort);
  }

  /** @throws the signal's reason */
  async next(): Promise<FromThread> {
    for (;;) {
      this.#signal.throwIfAborted();
      const message = this.#held.shift();
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  close(): void {
    this.#thread.off('message', this.#onMessage);
    this.#thread.off('error', this.#onError);
    this.#thread.off('exit', this.#onExit);
    this.#signal.removeEventListener('abort', this.#onAbort);
  }

  #take(message: FromThread): void {
    this.#held.push(message);
    this.#wake?.();
  }
}

function tell(thread: Worker, message: ToThread): void {
  thread.postMessage(message);
}

function failure(reason: string): CaptureJobError {
  return new CaptureJobError('JOB_FAILED', plainMessage(reason.split('\n', 1)[0]));
}
