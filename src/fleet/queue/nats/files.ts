/** Files of a run: pieces, and a record under the file's name that says where they are. */
import { isVtepError } from '../../../error.js';
import { StoreError } from '../../error.js';
import { checkFileLength } from '../limits.js';
import {
  decodeReference,
  dropPieces,
  encodeReference,
  type PiecesReference,
  readPieces,
  storePieces,
} from './pieces.js';
import { untilDone } from './retry.js';
import { isGone } from './server-errors.js';
import { checkRunThere, publishFirst, type QueueContext, runStream, runSubject } from './streams.js';

/** Stores a file; of two of one name, the first. */
export async function putFile(
  context: QueueContext,
  run: string,
  name: string,
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  await checkRunThere(context, run);
  const there = (): StoreError => new StoreError('CONFLICT', `the run ${run} has a file of this name already`);
  if ((await fileOf(context, run, name)) !== undefined) throw there();
  const stored = await storePieces(context, run, pieces, (length) => {
    checkFileLength(name, length);
  });
  try {
    if (await publishFirst(context, run, fileSubject(name), encodeReference(stored))) return;
  } catch (error) {
    if (!isVtepError(error) || error.code !== 'OUTCOME_UNKNOWN') {
      await dropPieces(context, run, stored.id);
      throw error;
    }
    const now = await untilDone(context, run, signal, () => fileOf(context, run, name));
    if (now === undefined) throw error;
    if (now.id === stored.id) return;
  }
  await dropPieces(context, run, stored.id);
  throw there();
}

/** Reads a file until the signal is aborted. */
export async function* readFile(
  context: QueueContext,
  run: string,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const file = await untilDone(context, run, signal, () => fileOf(context, run, name));
  if (file === undefined) throw new StoreError('NOT_THERE', `the run ${run} has no such file`);
  yield* readPieces(context, run, file, signal);
}

/** Of no file: undefined. @throws StoreError `DAMAGED` if something else is in its place */
async function fileOf(context: QueueContext, run: string, name: string): Promise<PiecesReference | undefined> {
  const { link, manager } = context;
  const query = { last_by_subj: runSubject(context, run, fileSubject(name)) };
  try {
    const message = await link.ask('read', 'ask for a file', () =>
      manager.streams.getMessage(runStream(context, run), query),
    );
    if (message === null) return undefined;
    const reference = decodeReference(message.data);
    if (reference === undefined) throw new StoreError('DAMAGED', `the record of a file of the run ${run} is none`);
    return reference;
  } catch (error) {
    if (isGone(error)) throw new StoreError('NOT_THERE', `there is no run ${run}`, { cause: error });
    throw error;
  }
}

/** Any name as one token of a subject. */
function fileSubject(name: string): `file.${string}` {
  return `file.${Buffer.from(name).toString('base64url')}`;
}
