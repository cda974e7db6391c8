/** Errors of values in a dump, with what they belong to. */
import { VtepError } from '../../error.js';
import { OverlayError } from '../error.js';

/**
 * Reads something of a dump.
 * @param what what it belongs to: `node node1`
 * @throws OverlayError `BAD_IMPORT` for a VtepError of `read`, with `what` before its message
 */
export function readAs<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof VtepError)) throw error;
    throw new OverlayError('BAD_IMPORT', `${what}: ${error.message}`, { cause: error });
  }
}
