/** Indexes captures as the page's worker does, messages cloned and memory transferred as between threads. */
import { CollectedIndex } from '../../../native-free/explorer/index/index.js';
import { indexCaptures } from '../../../native-free/explorer/worker/index-captures.js';
import type { IndexReports, IndexRequest, WorkerMessage } from '../../../native-free/explorer/worker/messages.js';

export interface Indexed {
  readonly index: CollectedIndex;
  /** Undefined if there was a fatal problem. */
  readonly reports: IndexReports | undefined;
  readonly problems: readonly Extract<WorkerMessage, { kind: 'problem' }>[];
  /** Kinds of the messages, in order. */
  readonly kinds: readonly WorkerMessage['kind'][];
}

/** Names and bytes of files. */
export type NamedFiles = readonly (readonly [name: string, bytes: Uint8Array])[];

export async function indexed(files: NamedFiles, request: Partial<IndexRequest> = {}): Promise<Indexed> {
  const index = new CollectedIndex();
  const kinds: WorkerMessage['kind'][] = [];
  const problems: Extract<WorkerMessage, { kind: 'problem' }>[] = [];
  let reports: IndexReports | undefined;
  const captures = files.map(([name, bytes]) => ({ kind: 'blob', name, blob: new Blob([bytes]) }) as const);
  await indexCaptures({ kind: 'index', captures, texts: [], decrypt: false, ...request }, (posted, transfer) => {
    const message = structuredClone(posted, { transfer: transfer as ArrayBuffer[] });
    kinds.push(message.kind);
    if (message.kind === 'packets') index.add(message.part, message.tables);
    if (message.kind === 'indexed' || message.kind === 'done') index.tables = message.tables;
    if (message.kind === 'done' || message.kind === 'reported') reports = message.reports;
    if (message.kind === 'problem') problems.push(message);
  });
  return { index, reports, problems, kinds };
}
