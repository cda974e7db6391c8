/** Files and large results as messages of a run's stream. */
import { createHash } from 'node:crypto';
import { isVtepError } from '../../../error.js';
import { StoreError } from '../../error.js';
import { NatsReader } from '../../store/nats/reader.js';
import { MAX_FILE_LENGTH } from '../limits.js';
import { PIECE_LENGTH, publish, type QueueContext, runStream, runSubject } from './streams.js';
import { untilDone } from './retry.js';

/** Pieces that are on their way to the server, or from it. */
const WINDOW = 16;
const ID = /^[A-Za-z0-9]{1,64}$/;
const DIGEST = /^[0-9a-f]{64}$/;
/** Longest reference as JSON, in characters. */
const MAX_REFERENCE = 1_024;

/** Where the pieces are, and what they are together. */
export interface PiecesReference {
  readonly id: string;
  readonly length: number;
  /** SHA-256 of all pieces, in hexadecimal. */
  readonly sha256: string;
}

/**
 * Stores pieces under an id of their own, so that those of another who stores the same don't get among them.
 * @throws StoreError `UNAVAILABLE`, also if the connection is lost meanwhile; then nothing refers to what is there
 */
export async function storePieces(
  context: QueueContext,
  run: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  checkLength: (length: number) => void,
): Promise<PiecesReference> {
  const { losses } = context.link;
  const id = context.packages.transport.nuid.next();
  const digest = createHash('sha256');
  const under = new Set<Promise<void>>();
  let length = 0;
  let last = 0;
  let failure: unknown;
  const store = async (piece: Uint8Array): Promise<void> => {
    digest.update(piece);
    const sent = publish(context, run, `data.${id}`, piece).then(
      (number) => {
        // Answers come in the order of the pieces, unless something is wrong.
        if (number <= last) failure ??= new StoreError('UNAVAILABLE', 'pieces came to the server out of order');
        last = number;
      },
      (error: unknown) => {
        failure ??= error;
      },
    );
    under.add(sent);
    void sent.then(() => under.delete(sent));
    if (under.size >= WINDOW) await Promise.race(under);
    if (failure !== undefined) throw asUnavailable(failure);
  };
  try {
    for await (const piece of inPieces(pieces)) {
      length += piece.length;
      checkLength(length);
      await store(piece);
    }
    await Promise.all(under);
    if (failure !== undefined) throw asUnavailable(failure);
    if (!context.link.isStill(losses)) throw new StoreError('UNAVAILABLE', 'the connection was lost meanwhile');
    return { id, length, sha256: digest.digest('hex') };
  } catch (error) {
    await Promise.all(under);
    await dropPieces(context, run, id);
    throw error;
  }
}

/** The pieces themselves may be there or not: what counts is that nothing refers to them. */
function asUnavailable(error: unknown): unknown {
  if (!isVtepError(error) || error.code !== 'OUTCOME_UNKNOWN') return error;
  return new StoreError('UNAVAILABLE', error.message, { cause: error });
}

/** Removes pieces that nothing refers to; if that fails, they go with the run. */
export async function dropPieces(context: QueueContext, run: string, id: string): Promise<void> {
  const { link, manager } = context;
  const filter = runSubject(context, run, `data.${id}`);
  const purge = (): Promise<unknown> => manager.streams.purge(runStream(context, run), { filter });
  await link.ask('write', 'remove pieces', purge).catch(() => undefined);
}

/** Reads pieces, across lost connections. @throws StoreError `DAMAGED`, `NOT_THERE` */
export async function* readPieces(
  context: QueueContext,
  run: string,
  reference: PiecesReference,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const digest = createHash('sha256');
  let seen = 0;
  let length = 0;
  const damaged = (why: string): StoreError =>
    new StoreError('DAMAGED', `a file of the run ${run} isn't what was stored: ${why}`);
  while (length < reference.length) {
    const batch = await untilDone(context, run, signal, () => nextPieces(context, run, reference.id, seen));
    if (batch.length === 0) throw damaged(`it has ${length} of ${reference.length} bytes`);
    for (const { number, piece } of batch) {
      seen = number;
      length += piece.length;
      if (length > reference.length) throw damaged(`it has more than ${reference.length} bytes`);
      digest.update(piece);
      if (signal.aborted) return;
      yield piece;
    }
  }
  if (digest.digest('hex') !== reference.sha256) throw damaged('its SHA-256 differs');
}

interface Piece {
  readonly number: number;
  readonly piece: Uint8Array;
}

/** The pieces after one of them: none if there are no more. */
async function nextPieces(context: QueueContext, run: string, id: string, seen: number): Promise<Piece[]> {
  const stream = { ...context, stream: runStream(context, run) };
  const reader = await NatsReader.open(stream, runSubject(context, run, `data.${id}`), seen);
  const pieces: Piece[] = [];
  try {
    const most = Math.min(reader.waiting, WINDOW);
    if (most === 0) return [];
    for await (const message of reader.batch(most)) {
      // A copy, which slice() of a Buffer isn't: the message is part of a larger buffer of the socket.
      pieces.push({ number: message.seq, piece: new Uint8Array(message.data) });
    }
    if (pieces.length === 0) throw new StoreError('UNAVAILABLE', 'no piece came');
    return pieces;
  } finally {
    reader.close();
  }
}

export function encodeReference({ id, length, sha256 }: PiecesReference): string {
  return JSON.stringify({ version: 1, id, length, sha256 });
}

/** @returns undefined if it is none */
export function decodeReference(bytes: Uint8Array): PiecesReference | undefined {
  if (bytes.length > MAX_REFERENCE) return undefined;
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    const { id, length, sha256 } = parsed as Partial<Record<string, unknown>>;
    if (typeof id !== 'string' || !ID.test(id) || typeof sha256 !== 'string' || !DIGEST.test(sha256)) return undefined;
    if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0 || length > MAX_FILE_LENGTH) {
      return undefined;
    }
    return { id, length, sha256 };
  } catch {
    return undefined;
  }
}

/** The same bytes in pieces of one length, each of its own memory. */
async function* inPieces(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(PIECE_LENGTH);
  let filled = 0;
  for await (const part of pieces) {
    for (let from = 0; from < part.length;) {
      const taken = part.subarray(from, from + PIECE_LENGTH - filled);
      piece.set(taken, filled);
      from += taken.length;
      filled += taken.length;
      if (filled < PIECE_LENGTH) continue;
      yield piece;
      piece = new Uint8Array(PIECE_LENGTH);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
