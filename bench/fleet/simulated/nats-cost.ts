/**
 * What an operation of a store costs on NATS as its server counts it: messages, their payload and headers, but neither
 * subjects nor what TCP adds. Measured with nats-server 2.9.10 by `node dist/bench/fleet/nats-cost.js`.
 */

/** Messages and bytes of a request and of its answers. */
export interface NatsCost {
  readonly messagesIn: number;
  readonly bytesIn: number;
  readonly messagesOut: number;
  readonly bytesOut: number;
}

/** Besides the value and its headers. */
export const PUT: NatsCost = { messagesIn: 1, bytesIn: 0, messagesOut: 1, bytesOut: 36 };
/** Besides what is read, which comes as base64. */
export const GET: NatsCost = { messagesIn: 1, bytesIn: 57, messagesOut: 1, bytesOut: 194 };
/** Besides the records, and what each batch of them takes. */
export const SNAPSHOT: NatsCost = { messagesIn: 3, bytesIn: 285, messagesOut: 3, bytesOut: 1381 };
export const SNAPSHOT_BATCH: NatsCost = { messagesIn: 1, bytesIn: 79, messagesOut: 0, bytesOut: 0 };
/** A watch that begins or resumes, until it waits, and its end. */
export const WATCH: NatsCost = { messagesIn: 6, bytesIn: 409, messagesOut: 5, bytesOut: 2098 };
/** A watch's question for changes, its end, and whether anything was lost or forgotten meanwhile. */
export const QUESTION: NatsCost = { messagesIn: 4, bytesIn: 120, messagesOut: 5, bytesOut: 1592 };
/** Milliseconds after which a watch asks again. */
export const QUESTION_MS = 10_000;
/** Changes after which a watch asks again, and records of a batch of a snapshot. */
export const QUESTION_CHANGES = 256;
export const BATCH_RECORDS = 2048;

const VERSION = 'NATS/1.0\r\n\r\n'.length;
const EXPECTED = 'Nats-Expected-Last-Subject-Sequence: \r\n'.length;
const ID = 'Nats-Msg-Id: $KV.vtep_bench.@\r\n'.length;
const DELETED = 'KV-Operation: DEL\r\n'.length;

/**
 * Bytes of the headers of a write, which every reader of the record gets, too.
 * @param revision that it replaces; undefined for any
 */
export function headersLength(key: string, revision: number | undefined, isDeletion = false): number {
  if (revision === undefined) return 0;
  const digits = String(revision).length;
  // One that creates a record has no message id.
  const id = revision === 0 ? 0 : ID + key.length + digits;
  return VERSION + EXPECTED + digits + id + (isDeletion ? DELETED : 0);
}
