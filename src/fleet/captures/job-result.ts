/** The result of a job in a queue: its messages, or the name of the run's file that has them. */
import type { JobQueue } from '../queue/job-queue.js';
import { CaptureJobError } from './error.js';
import { decodeMessage, framedMessages, type JobMessage, unframedMessages } from './job-message.js';
import { openedPieces, type RunSeal, sealedPieces } from './run-seal.js';

/** Bytes of messages that are in the result itself. */
const MAX_INLINE = 1 << 22;
const INLINE = 0;
const FILE = 1;
const MAX_NAME = 255;

/** What a job belongs to. */
export interface ResultPlace {
  readonly queue: JobQueue;
  readonly run: string;
  readonly index: number;
  /** The key of the run; undefined: nothing of it is sealed. */
  readonly seal: RunSeal | undefined;
}

/**
 * Stores messages.
 * @param unique distinguishes this attempt from others, whose file may be there
 * @returns the result
 */
export async function storedResult(
  place: ResultPlace,
  messages: AsyncIterable<Uint8Array>,
  unique: string,
): Promise<Uint8Array> {
  const pieces = framedMessages(messages)[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let length = 0;
  let last = await pieces.next();
  for (; last.done !== true && length <= MAX_INLINE; last = await pieces.next()) {
    first.push(last.value);
    length += last.value.length;
  }
  if (last.done === true) {
    const all = concatenated(first, length);
    return tagged(INLINE, place.seal === undefined ? all : place.seal.seal(contextOf(place), all));
  }
  const { queue, run, index, seal } = place;
  const name = `result-${index}-${unique}`;
  const { value } = last;
  const everything = (async function* (): AsyncGenerator<Uint8Array> {
    yield* first.splice(0);
    yield value;
    yield* { [Symbol.asyncIterator]: () => pieces };
  })();
  await queue.putFile(run, name, seal === undefined ? everything : sealedPieces(seal, contextOf(place), everything));
  return tagged(FILE, new TextEncoder().encode(name));
}

/**
 * The messages of a result.
 * @throws CaptureJobError `BAD_OUTCOME`, `SEALED`; StoreError
 */
export async function* readResult(place: ResultPlace, result: Uint8Array): AsyncGenerator<JobMessage> {
  for await (const message of unframedMessages(piecesOf(place, result))) yield decodeMessage(message);
}

async function* piecesOf(place: ResultPlace, result: Uint8Array): AsyncGenerator<Uint8Array> {
  const { queue, run, seal } = place;
  const tag = result.length === 0 ? -1 : result[0];
  const rest = result.subarray(1);
  if (tag === INLINE) {
    yield seal === undefined ? rest : seal.open(contextOf(place), rest);
  } else if (tag === FILE && rest.length <= MAX_NAME) {
    const pieces = queue.readFile(run, new TextDecoder().decode(rest));
    yield* seal === undefined ? pieces : openedPieces(seal, contextOf(place), pieces);
  } else {
    throw new CaptureJobError('BAD_OUTCOME', "the result of its job isn't one that this vtep knows");
  }
}

function contextOf({ index }: ResultPlace): string {
  return `result ${index}`;
}

function tagged(tag: number, bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(1 + bytes.length);
  result[0] = tag;
  result.set(bytes, 1);
  return result;
}

function concatenated(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
