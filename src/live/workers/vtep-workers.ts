/** The workers of a VTEP besides worker 0, from its side. */
import { Worker } from 'node:worker_threads';
import { plainMessage } from '../../text/plain-text.js';
import type { SaEvent, TopologyChange } from '../../overlay/index.js';
import { changeMessages, wipeMessage } from '../../workers/index.js';
import { LiveError } from '../error.js';
import type { DeviceWorkers } from '../node/endpoint-devices.js';
import type { TapOptions } from '../tap/tap-opening.js';
import type { HandOver } from './hand-over.js';
import type { WorkerReport } from './worker-counters.js';
import type { WorkerNews, WorkerOrder, WorkerStart } from './worker-messages.js';

const THREAD = new URL('./worker-thread.js', import.meta.url);

/** What the workers are told about and whom they tell. */
export interface VtepWorkersOptions {
  /** Start data by worker, from 1. */
  readonly starts: readonly WorkerStart[];
  /** Worker 0's ends of the rings. */
  readonly handOver: HandOver;
  readonly onSaEvent: (event: SaEvent) => void;
  /** Called when a worker has learned a path MTU. */
  readonly onPathMtu: (vtep: Uint8Array, mtu: number) => void;
  /**
   * The threads' code.
   * @default worker-thread.js
   */
  readonly module?: URL;
}

type Answer = Exclude<WorkerNews['kind'], 'report' | 'mtu' | 'sa-event'>;

/** One worker's thread. */
class WorkerThread {
  report: WorkerReport | undefined;
  /** Resolves once the thread has ended. */
  readonly ended: Promise<void>;
  readonly #thread: Worker;
  readonly #options: VtepWorkersOptions;
  readonly #index: number;
  /** What is waited for: the answer, and what to do when it comes or never will. */
  readonly #waiting: { readonly kind: Answer; readonly descriptor: number; readonly done: () => void }[] = [];
  #failure: LiveError | undefined;
  #gone = false;
  #closing = false;

  constructor(index: number, start: WorkerStart, options: VtepWorkersOptions) {
    this.#index = index;
    this.#options = options;
    const thread = new Worker(options.module ?? THREAD, { workerData: start });
    this.#thread = thread;
    let why = 'ended';
    this.ended = new Promise((resolve) => {
      thread.on('message', (news: WorkerNews) => this.#hear(news));
      thread.on('error', (error) => {
        why = error instanceof Error ? `ended: ${plainMessage(error.message.split('\n', 1)[0])}` : why;
      });
      thread.once('exit', () => {
        this.#gone = true;
        if (!this.#closing) this.#fail(new LiveError('WORKER_FAILED', `worker ${index} ${why}`));
        for (const { done } of this.#waiting.splice(0)) done();
        resolve();
      });
    });
  }

  get failure(): LiveError | undefined {
    return this.#failure;
  }

  /** Gives it an order, which ends its wait for packets. */
  post(order: WorkerOrder): void {
    if (this.#gone) return;
    this.#thread.postMessage(order);
    this.#options.handOver.wake(this.#index);
  }

  /** Gives it an order and waits for the answer, or for the end of the thread. */
  ask(order: WorkerOrder, kind: Answer, descriptor = -1): Promise<void> {
    if (this.#gone) return Promise.resolve();
    return new Promise((done) => {
      this.#waiting.push({ kind, descriptor, done });
      this.post(order);
    });
  }

  /** Ends the thread: closed in an orderly way unless it has failed. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#failure === undefined) this.post({ kind: 'close' });
    else await this.#thread.terminate();
    await this.ended;
  }

  #hear(news: WorkerNews): void {
    switch (news.kind) {
      case 'report':
        this.report = news.report;
        return;
      case 'mtu':
        this.#options.onPathMtu(news.vtep, news.mtu);
        return;
      case 'sa-event':
        this.#options.onSaEvent(news.event);
        return;
      case 'failed':
        this.#fail(new LiveError(news.code, news.message));
        this.#answer('ready', -1);
        return;
      default:
        this.#answer(news.kind, news.kind === 'released' ? news.descriptor : -1);
    }
  }

  #answer(kind: Answer, descriptor: number): void {
    const index = this.#waiting.findIndex((one) => one.kind === kind && one.descriptor === descriptor);
    if (index >= 0) this.#waiting.splice(index, 1)[0].done();
  }

  #fail(error: LiveError): void {
    this.#failure ??= error;
  }
}

/** Workers 1 to N - 1. */
export class VtepWorkers implements DeviceWorkers {
  readonly #threads: readonly WorkerThread[];
  readonly #starts: readonly WorkerStart[];
  readonly #handOver: HandOver;

  private constructor(options: VtepWorkersOptions) {
    this.#starts = options.starts;
    this.#handOver = options.handOver;
    this.#threads = options.starts.map((start, i) => new WorkerThread(i + 1, start, options));
  }

  /**
   * Starts the threads. They open their sockets in order, after worker 0's.
   * @throws LiveError as `LiveVtep.open`; `WORKER_FAILED`
   */
  static async open(options: VtepWorkersOptions): Promise<VtepWorkers> {
    const workers = new VtepWorkers(options);
    for (const thread of workers.#threads) {
      await thread.ask({ kind: 'open' }, 'ready');
      if (thread.failure === undefined) continue;
      await workers.close();
      throw thread.failure;
    }
    return workers;
  }

  get count(): number {
    return this.#threads.length;
  }

  /** Why a worker ended, or can't go on. */
  get failure(): LiveError | undefined {
    for (const { failure } of this.#threads) if (failure !== undefined) return failure;
    return undefined;
  }

  /** The last report of each worker that has reported: a fraction of a second old while they run. */
  get reports(): readonly WorkerReport[] {
    return this.#threads.flatMap(({ report }) => report ?? []);
  }

  /** Starts to process packets. */
  run(): void {
    for (const thread of this.#threads) thread.post({ kind: 'run' });
  }

  /** Ends it once worker 0 reads no more packets: what was handed over is sent and delivered, and counted. */
  async stop(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.ask({ kind: 'stop' }, 'stopped')));
    // Frames for others are sent here. Answers to their senders go to worker 0, which is the last.
    await Promise.all(this.#threads.map((thread) => thread.ask({ kind: 'drain' }, 'drained')));
    this.#handOver.drain();
  }

  /** Passes changes on. */
  apply(changes: readonly TopologyChange[], isWhole: boolean): void {
    for (const thread of this.#threads) thread.post({ kind: 'changes', changes: changeMessages(changes), isWhole });
  }

  /** Passes on a path MTU that worker 0 or another has learned. */
  learnPathMtu(vtep: Uint8Array, mtu: number): void {
    for (const thread of this.#threads) thread.post({ kind: 'mtu', vtep: Uint8Array.from(vtep), mtu });
  }

  attach(endpoint: string, queues: readonly number[], options: TapOptions): void {
    this.#threads.forEach((thread, i) => {
      thread.post({ kind: 'attach', endpoint, descriptor: queues[i], options });
    });
  }

  async release(descriptors: readonly number[]): Promise<void> {
    const order: WorkerOrder = { kind: 'release', descriptors };
    await Promise.all(this.#threads.map((thread) => thread.ask(order, 'released', descriptors[0])));
  }

  /** Ends the threads, with their sockets and keys. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
    for (const { topology } of this.#starts) wipeMessage(topology);
  }
}
