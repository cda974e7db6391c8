/** The worker's entry: takes one request, and posts what it finds to the page. */
import { indexCaptures } from './index-captures.js';
import type { IndexRequest, WorkerMessage } from './messages.js';

/** What a worker has of `DedicatedWorkerGlobalScope`; this code compiles without the types of a browser. */
interface WorkerScope {
  onmessage: ((event: { readonly data: IndexRequest }) => void) | null;
  postMessage(message: WorkerMessage, transfer: readonly ArrayBufferLike[]): void;
}

/**
 * A message without what the page doesn't use: conversations, tens of megabytes with many flows, which keep the page from
 * drawing while they are copied. The index has its own.
 */
export function posted(message: WorkerMessage): WorkerMessage {
  if (message.kind !== 'done' && message.kind !== 'reported') return message;
  const { reports } = message;
  return { ...message, reports: { ...reports, survey: { ...reports.survey, flows: null } } };
}

/** Takes a request. To be called in a worker: the page's script and its workers' are one. */
export function startWorker(): void {
  const scope = globalThis as unknown as WorkerScope;
  const post = (message: WorkerMessage, transfer: readonly ArrayBufferLike[]): void => {
    scope.postMessage(posted(message), transfer);
  };
  scope.onmessage = ({ data }) => {
    indexCaptures(data, post).catch((error: unknown) => {
      // A mistake of ours: what a file can cause is posted as a problem of that file.
      const message = error instanceof Error ? error.message : String(error);
      post({ kind: 'problem', name: '', message, fatal: true }, []);
    });
  };
}
