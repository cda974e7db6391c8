/** Reads parts of answers, and says of which file one is that is refused. */
import { isVtepError } from '../../error.js';
import { CaptureJobError } from '../../fleet/internal.js';

/** What readers of parts call one that is none. */
const REFUSALS: readonly string[] = ['BAD_PART', 'BAD_PIECE', 'BAD_RESULT'];

/**
 * Reads a part of the answer of a job.
 * @param name the job's file
 * @throws CaptureJobError `BAD_OUTCOME` if its reader refuses it, and whatever else `read` throws
 */
export function readPart<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isVtepError(error) || !REFUSALS.includes(error.code)) throw error;
    throw new CaptureJobError('BAD_OUTCOME', `${name}: the answer of its job is unusable: ${error.message}`, {
      cause: error,
    });
  }
}
