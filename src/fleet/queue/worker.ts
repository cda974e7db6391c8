/** Does the jobs of a queue, whatever the queue is. */
import { StoreError } from '../error.js';
import { type Job, type JobHandler, type JobOutcome, type WorkOptions } from './job-queue.js';
import { DEFAULT_TIME_LIMIT, MAX_CONCURRENCY, MAX_RESULT_LENGTH, reasonOf } from './limits.js';
import { aborted, OVER, type QueueTime, sharedController } from './time.js';

/** A job that this worker holds, until it says what became of it or says nothing for the ack-wait. */
export interface Delivery {
  readonly job: Job;
  /** Whether the job has an outcome already. */
  settled(signal: AbortSignal): Promise<boolean>;
  /** How often it was given out, this time included, without the times that it was given back. */
  attempts(signal: AbortSignal): Promise<number>;
  /** Says that the job is being worked on. */
  renew(): void;
  /** Stores the outcome unless there is one, and takes the job out of the queue. Rejects once the signal is aborted. */
  settle(outcome: JobOutcome, signal: AbortSignal): Promise<void>;
  /** Takes the job out of the queue: it has an outcome. */
  dismiss(): void;
  /** Lets the job be given out again after so many milliseconds. */
  retry(wait: number): void;
  /** Lets the job be given out again at once, as if it had not been given to this worker. */
  giveBack(): Promise<void>;
}

export interface DeliverySource {
  /** The next job; undefined once the signal is aborted. */
  next(signal: AbortSignal): Promise<Delivery | undefined>;
}

export interface WorkerSettings {
  /** Milliseconds without a word after which the queue gives a job to another worker. */
  readonly ackWait: number;
  readonly maxAttempts: number;
  /** Milliseconds before a job that failed is tried again. */
  readonly retryWait: number;
  readonly time: QueueTime;
}

/** @throws StoreError `BAD_KEY` */
export function checkWorkOptions({ concurrency = 1, timeLimit = DEFAULT_TIME_LIMIT }: WorkOptions): void {
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MAX_CONCURRENCY) {
    throw new StoreError('BAD_KEY', `a worker does 1 to ${MAX_CONCURRENCY} jobs at a time, not ${concurrency}`);
  }
  if (!(timeLimit > 0)) throw new StoreError('BAD_KEY', `the time limit of a job is not ${timeLimit} ms`);
}

/**
 * Does jobs, each slot from a source of its own, until a signal is aborted: the caller's, or that of the queue's end.
 * @throws StoreError what a source throws; then the other slots end too
 */
export async function work(
  source: () => DeliverySource,
  handler: JobHandler,
  options: WorkOptions,
  closing: AbortSignal,
  settings: WorkerSettings,
): Promise<void> {
  const { concurrency = 1, timeLimit = DEFAULT_TIME_LIMIT } = options;
  const end = sharedController();
  const abort = (): void => {
    end.abort();
  };
  const signals = [options.signal, closing];
  for (const signal of signals) signal.addEventListener('abort', abort, { once: true });
  if (signals.some(({ aborted: already }) => already)) abort();
  try {
    const slots = Array.from({ length: concurrency }, () =>
      workOn(source(), handler, end.signal, timeLimit, settings).finally(abort),
    );
    const ends = await Promise.allSettled(slots);
    for (const each of ends) if (each.status === 'rejected') throw each.reason;
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', abort);
  }
}

/** One job after another. A source is asked once more at the end, so that it can clean up. */
async function workOn(
  source: DeliverySource,
  handler: JobHandler,
  signal: AbortSignal,
  timeLimit: number,
  settings: WorkerSettings,
): Promise<void> {
  for (;;) {
    const delivery = await source.next(signal);
    if (delivery === undefined) return;
    await new Attempt(delivery, settings, timeLimit).run(handler, signal);
  }
}

/** One delivery of a job, and what becomes of it. */
class Attempt {
  readonly #delivery: Delivery;
  readonly #settings: WorkerSettings;
  readonly #timeLimit: number;
  /** Aborted at the end, so that nothing waits on. */
  readonly #over = new AbortController();

  constructor(delivery: Delivery, settings: WorkerSettings, timeLimit: number) {
    this.#delivery = delivery;
    this.#settings = settings;
    this.#timeLimit = timeLimit;
  }

  async run(handler: JobHandler, signal: AbortSignal): Promise<void> {
    void this.#renew();
    try {
      await this.#do(handler, signal);
    } catch (error) {
      // Storing the outcome was ended by the signal.
      if (!signal.aborted) throw error;
      await this.#delivery.giveBack();
    } finally {
      this.#over.abort(OVER);
    }
  }

  async #do(handler: JobHandler, signal: AbortSignal): Promise<void> {
    const delivery = this.#delivery;
    const { job } = delivery;
    const { maxAttempts, ackWait, retryWait } = this.#settings;
    if (job.attempt > 1 && (await delivery.settled(signal))) {
      delivery.dismiss();
      return;
    }
    if (job.attempt > maxAttempts) {
      const before = (await delivery.attempts(signal)) - 1;
      const reason = `its worker died, or said nothing for ${ackWait / 1000} s`;
      if (before >= maxAttempts) return delivery.settle(failure(job, reason, before), signal);
    }
    const end = await this.#ofHandler(handler, signal);
    if (end.kind === 'aborted') return delivery.giveBack();
    if (end.kind === 'done') return delivery.settle({ index: job.index, kind: 'done', result: end.result }, signal);
    const attempts = job.attempt < maxAttempts ? 0 : await delivery.attempts(signal);
    if (attempts >= maxAttempts) return delivery.settle(failure(job, end.reason, attempts), signal);
    delivery.retry(retryWait);
  }

  async #ofHandler(handler: JobHandler, signal: AbortSignal): Promise<HandlerEnd> {
    const { time } = this.#settings;
    const end = new AbortController();
    let running = true as boolean;
    const result = (async (): Promise<HandlerEnd> => {
      try {
        return checked(await handler(this.#delivery.job, end.signal));
      } catch (error) {
        return { kind: 'failed', reason: reasonOf(error) };
      } finally {
        running = false;
      }
    })();
    const late = time.wait(this.#timeLimit, this.#over.signal).then((): HandlerEnd => {
      return { kind: 'failed', reason: `it took more than ${this.#timeLimit / 1000} s` };
    });
    const ended = aborted(signal, this.#over.signal).then((): HandlerEnd => ({ kind: 'aborted' }));
    const first = await Promise.race([result, late, ended]);
    if (running) end.abort();
    return first;
  }

  async #renew(): Promise<void> {
    const { time, ackWait } = this.#settings;
    const { signal } = this.#over;
    for (;;) {
      await time.wait(ackWait / 3, signal);
      if (signal.aborted) return;
      this.#delivery.renew();
    }
  }
}

type HandlerEnd =
  | { readonly kind: 'aborted' }
  | { readonly kind: 'done'; readonly result: Uint8Array }
  | { readonly kind: 'failed'; readonly reason: string };

function checked(result: Uint8Array): HandlerEnd {
  if (result.length <= MAX_RESULT_LENGTH) return { kind: 'done', result };
  const reason = `its result has ${result.length} bytes, and at most ${MAX_RESULT_LENGTH} are allowed`;
  return { kind: 'failed', reason };
}

function failure({ index }: Job, reason: string, attempts: number): JobOutcome {
  return { index, kind: 'failed', reason, attempts };
}
