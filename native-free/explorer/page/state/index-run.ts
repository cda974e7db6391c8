/** Workers that read captures, and what they have found so far. */
import type { CaptureIndex } from '../../index/capture-index.js';
import { type IndexReports, type IndexRequest, IndexWork, type WorkerMessage } from '../../worker/messages.js';
import type { FileProblem } from './file-problem.js';
import { GrowingIndex } from './growing-index.js';

/** Captures from this size on are indexed and examined by a worker each, at the same time. */
const TWO_WORKERS = 16e6;

/** States of a run. */
export const RunState = { Running: 'running', Done: 'done', Stopped: 'stopped', Failed: 'failed' } as const;
export type RunState = (typeof RunState)[keyof typeof RunState];

/** Starts workers: from the page's own script, since a page from a file can't load another. */
export interface WorkerStarter {
  start(): Worker;
}

/** What a run reads. */
export type RunRequest = Omit<IndexRequest, 'kind' | 'work'>;

/** Bytes of captures. */
export function sizeOf(captures: IndexRequest['captures']): number {
  return captures.reduce((sum, one) => sum + (one.kind === 'blob' ? one.blob.size : one.size), 0);
}

/** The captures read once for their index, and once to be examined. */
export class IndexRun {
  readonly request: RunRequest;
  reports: IndexReports | undefined;
  state: RunState = RunState.Running;
  /** Whether every packet is in the index. */
  isIndexed = false;
  /** Bytes of all files: those read for the index or, once that is complete, those examined. */
  position = 0;
  size: number;
  readonly problems: FileProblem[] = [];
  readonly #index = new GrowingIndex();
  readonly #workers: readonly Worker[];
  readonly #onChange: () => void;

  /** @param onChange called after each message */
  constructor(request: RunRequest, starter: WorkerStarter, onChange: () => void) {
    this.request = request;
    this.size = sizeOf(request.captures);
    this.#onChange = onChange;
    const isSplit = this.size >= TWO_WORKERS && navigator.hardwareConcurrency > 1;
    const works = isSplit ? [IndexWork.Index, IndexWork.Reports] : [IndexWork.All];
    this.#workers = works.map((work) => this.#start(starter.start(), { kind: 'index', ...request, work }));
  }

  get index(): CaptureIndex {
    return this.#index.index;
  }

  get isRunning(): boolean {
    return this.state === RunState.Running;
  }

  /** Ends the workers. What they have found stays. */
  stop(): void {
    if (this.isRunning) this.#end(RunState.Stopped);
  }

  #start(worker: Worker, request: IndexRequest): Worker {
    worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => this.#take(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(`reading stopped: ${event.message}`);
    };
    worker.onmessageerror = () => this.#fail('reading stopped: a message of the worker can’t be read');
    worker.postMessage(request);
    return worker;
  }

  #take(message: WorkerMessage): void {
    if (!this.isRunning) return;
    switch (message.kind) {
      case 'packets':
        this.#index.add(message.part, message.tables);
        this.position = message.position;
        this.size = message.size;
        break;
      case 'indexed':
        this.#index.complete(message.tables);
        this.isIndexed = true;
        break;
      case 'examined':
        if (this.isIndexed) this.position = message.position;
        break;
      case 'done':
        this.#index.complete(message.tables);
        this.isIndexed = true;
        this.reports = message.reports;
        break;
      case 'reported':
        this.reports = message.reports;
        break;
      case 'problem':
        this.#addProblem({ name: message.name, message: message.message });
        if (message.fatal) this.#end(RunState.Failed);
    }
    if (this.isIndexed && this.reports !== undefined) this.#end(RunState.Done);
    this.#onChange();
  }

  /** Both workers report a file that can't be read. */
  #addProblem(problem: FileProblem): void {
    const isKnown = this.problems.some(({ name, message }) => name === problem.name && message === problem.message);
    if (!isKnown) this.problems.push(problem);
  }

  #fail(message: string): void {
    if (!this.isRunning) return;
    this.#addProblem({ name: '', message });
    this.#end(RunState.Failed);
    this.#onChange();
  }

  #end(state: RunState): void {
    this.state = state;
    for (const worker of this.#workers) worker.terminate();
  }
}
