/** A queue in streams of NATS JetStream. */
import { StoreError } from '../../error.js';
import { parseStoreAddress } from '../../store/nats/address.js';
import { connectNats, DEFAULT_TIMEOUT, type NatsOptions } from '../../store/nats/connect.js';
import { NatsLink } from '../../store/nats/link.js';
import { loadNats } from '../../store/nats/packages.js';
import { type JobHandler, type JobOutcome, type JobQueue, type WorkOptions } from '../job-queue.js';
import {
  checkFileName,
  checkJobs,
  checkRun,
  DEFAULT_ACK_WAIT,
  DEFAULT_ATTEMPTS,
  DEFAULT_EXPIRY,
  DEFAULT_RETRY_WAIT,
} from '../limits.js';
import { type QueueTime, sharedController, SYSTEM_TIME } from '../time.js';
import { checkWorkOptions, work, type WorkerSettings } from '../worker.js';
import { NatsJobs, openConsumer } from './consumer.js';
import { putFile, readFile } from './files.js';
import { NatsOutcomes } from './outcomes.js';
import { removeExpired, removeRun } from './remove.js';
import { beginRun, HEADERS_LENGTH, PIECE_LENGTH, type QueueContext } from './streams.js';
import { submitRun } from './submit.js';

/** Milliseconds that the server holds a question. */
const IDLE = 10_000;

export interface NatsQueueOptions extends NatsOptions {
  /**
   * Milliseconds without a word from its worker after which a job is given to another, if the consumer is made now.
   * @default 30000
   */
  readonly ackWait?: number;
  /**
   * Attempts after which this worker lets a job fail.
   * @default 4
   */
  readonly maxAttempts?: number;
  /**
   * Milliseconds before a job that failed is tried again.
   * @default 1000
   */
  readonly retryWait?: number;
  /**
   * Milliseconds after which a run that nobody removed is gone. Of the jobs: if their stream is made now.
   * @default 86400000
   */
  readonly expiry?: number;
  /**
   * Milliseconds that the server holds a question for what isn't there yet, and between looks at what is stuck or lost: at
   * least 1000.
   * @default 10000
   */
  readonly idle?: number;
  /** Of the renewals and time limits. @default the timers of Node */
  readonly time?: QueueTime;
}

/**
 * A queue shared by hosts. The jobs of all runs are in the stream `vtep_jobs_OVERLAY`, with the consumer `workers`; the
 * outcomes and files of a run are in `vtep_run_OVERLAY_RUN`, which goes as a whole. nats-server 2.9 or later, with JetStream.
 *
 * As with `NatsStore`, nothing is durable against a power failure. Jobs that the server lost that way are reported as
 * `RESET`, and submitting the run again adds them.
 */
export class NatsQueue implements JobQueue {
  readonly #context: QueueContext;
  readonly #settings: WorkerSettings;
  readonly #closing = sharedController();
  readonly #works = new Set<Promise<void>>();

  private constructor(context: QueueContext, settings: WorkerSettings) {
    this.#context = context;
    this.#settings = settings;
  }

  /**
   * Connects to a queue, once, and makes what it needs on the server.
   * @param address nats://HOST:PORT/OVERLAY, of a cluster with commas: nats://a:4222,b:4222/OVERLAY
   * @throws StoreError `BAD_ADDRESS`, `UNAVAILABLE`, `NOT_PERMITTED`, `UNREADABLE`, `UNSUITABLE`, `NATS_UNAVAILABLE`
   */
  static async open(address: string, options: NatsQueueOptions = {}): Promise<NatsQueue> {
    const { timeout = DEFAULT_TIMEOUT, replicas = 1, expiry = DEFAULT_EXPIRY, idle = IDLE } = options;
    const where = parseStoreAddress(address);
    const packages = await loadNats();
    const connection = await connectNats(packages, where, options);
    const link = new NatsLink(connection);
    try {
      const most = connection.info?.max_payload ?? 0;
      if (most < PIECE_LENGTH + HEADERS_LENGTH) {
        throw new StoreError('UNSUITABLE', `the server takes messages of at most ${most} bytes; raise its max_payload`);
      }
      const jetstream = packages.jetstream.jetstream(connection, { timeout });
      const manager = await link.ask('read', 'ask for JetStream', () =>
        packages.jetstream.jetstreamManager(connection, { timeout }),
      );
      const { overlay } = where;
      const context = { overlay, packages, connection, jetstream, manager, link, replicas, expiry, idle };
      const ackWait = await openConsumer(context, options.ackWait ?? DEFAULT_ACK_WAIT);
      await removeExpired(context);
      const { maxAttempts = DEFAULT_ATTEMPTS, retryWait = DEFAULT_RETRY_WAIT, time = SYSTEM_TIME } = options;
      return new NatsQueue(context, { ackWait, maxAttempts, retryWait, time });
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  get connected(): boolean {
    return this.#context.link.connected && !this.#closing.signal.aborted;
  }

  async begin(run: string): Promise<void> {
    this.#check(run);
    await beginRun(this.#context, run);
  }

  async submit(run: string, jobs: readonly Uint8Array[]): Promise<void> {
    this.#check(run);
    checkJobs(jobs);
    await submitRun(this.#context, run, jobs);
  }

  async *outcomes(run: string, count: number, signal?: AbortSignal): AsyncGenerator<JobOutcome> {
    this.#check(run);
    const { end, done } = this.#either(signal);
    try {
      yield* new NatsOutcomes(this.#context, run, count, end).all();
    } finally {
      done();
    }
  }

  async remove(run: string): Promise<void> {
    this.#check(run);
    await removeRun(this.#context, run, this.#closing.signal);
  }

  async work(handler: JobHandler, options: WorkOptions): Promise<void> {
    this.#checkOpen();
    checkWorkOptions(options);
    const source = (): NatsJobs => new NatsJobs(this.#context, this.#settings.ackWait);
    const end = work(source, handler, options, this.#closing.signal, this.#settings);
    this.#works.add(end);
    await end.finally(() => this.#works.delete(end));
  }

  async putFile(run: string, name: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    this.#check(run);
    checkFileName(name);
    await putFile(this.#context, run, name, pieces, this.#closing.signal);
  }

  async *readFile(run: string, name: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    this.#check(run);
    checkFileName(name);
    const { end, done } = this.#either(signal);
    try {
      yield* readFile(this.#context, run, name, end);
    } catch (error) {
      if (!end.aborted) throw error;
    } finally {
      done();
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([...this.#works]);
    await this.#context.link.close();
  }

  /** Ends with the caller's signal, or with the queue. */
  #either(signal: AbortSignal | undefined): { readonly end: AbortSignal; readonly done: () => void } {
    const end = new AbortController();
    const abort = (): void => {
      end.abort();
    };
    const signals = [this.#closing.signal, ...(signal ? [signal] : [])];
    for (const each of signals) each.addEventListener('abort', abort, { once: true });
    if (signals.some(({ aborted }) => aborted)) abort();
    const done = (): void => {
      for (const each of signals) each.removeEventListener('abort', abort);
    };
    return { end: end.signal, done };
  }

  #check(run: string): void {
    this.#checkOpen();
    checkRun(run);
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw new StoreError('CLOSED', 'the queue is closed');
  }
}
