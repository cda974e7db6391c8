/** Outcomes of jobs as messages: a header says which kind, and the content is the result, or JSON about it. */
import type { MsgHdrs } from '@nats-io/transport-node';
import { plainMessage } from '../../../text/plain-text.js';
import { type JobOutcome } from '../job-queue.js';
import { MAX_ATTEMPTS, MAX_REASON_LENGTH, MAX_RESULT_LENGTH } from '../limits.js';
import { decodeReference, encodeReference, type PiecesReference } from './pieces.js';
import { KIND_HEADER } from './streams.js';

/** Longest result that is in the record itself, in bytes. */
export const MAX_INLINE_LENGTH = 65_536;
/** Longest JSON of a failure, in bytes: a character may take 6. */
const MAX_FAILURE_LENGTH = 8 * MAX_REASON_LENGTH;

export interface OutcomeRecord {
  readonly kind: 'done' | 'stored' | 'failed';
  readonly content: Uint8Array | string;
}

/** An outcome, or where its result is. */
export type ReadOutcome =
  JobOutcome | { readonly index: number; readonly kind: 'stored'; readonly pieces: PiecesReference };

/** The record of an outcome; that of a large result has only where it is. */
export function encodeOutcome(outcome: JobOutcome, pieces?: PiecesReference): OutcomeRecord {
  if (outcome.kind === 'failed') {
    const { reason, attempts } = outcome;
    return { kind: 'failed', content: JSON.stringify({ version: 1, reason, attempts }) };
  }
  if (pieces === undefined) return { kind: 'done', content: outcome.result };
  return { kind: 'stored', content: encodeReference(pieces) };
}

/** What another program wrote in its place is the outcome too: the job has failed, as nobody can say what came of it. */
export function decodeOutcome(index: number, headers: MsgHdrs | undefined, content: Uint8Array): ReadOutcome {
  const kind = headers?.get(KIND_HEADER);
  if (kind === 'done') return { index, kind, result: new Uint8Array(content) };
  if (kind === 'stored') {
    const pieces = decodeReference(content);
    if (pieces !== undefined && pieces.length <= MAX_RESULT_LENGTH) return { index, kind, pieces };
  }
  if (kind === 'failed') {
    const failure = decodeFailure(content);
    if (failure !== undefined) return { index, kind, ...failure };
  }
  return { index, kind: 'failed', reason: 'the record of its outcome is not one of a vtep queue', attempts: 0 };
}

function decodeFailure(content: Uint8Array): { reason: string; attempts: number } | undefined {
  if (content.length > MAX_FAILURE_LENGTH) return undefined;
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(content));
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    const { reason, attempts } = parsed as Partial<Record<string, unknown>>;
    if (typeof reason !== 'string' || typeof attempts !== 'number' || !Number.isInteger(attempts)) return undefined;
    if (attempts < 0 || attempts > MAX_ATTEMPTS) return undefined;
    return { reason: plainMessage(reason).slice(0, MAX_REASON_LENGTH), attempts };
  } catch {
    return undefined;
  }
}
