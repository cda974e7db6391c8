/**
 * The check of a range of bytes that a caller names. Functions that reach memory past an array's own bounds need it: through
 * a view over the whole buffer, by address, or by copying less than they then count. What lies there may be another's:
 * Node's small Buffers share one.
 */
import { MemoryError } from './arena.js';

/**
 * Throws unless `start` to `end` is a range of whole bytes within an array.
 * @throws MemoryError `BAD_RANGE`
 */
export function checkRange(bytes: Uint8Array, start: number, end: number): void {
  if (start >>> 0 !== start || end >>> 0 !== end || start > end || end > bytes.length)
    throw badRange(bytes, start, end);
}

function badRange(bytes: Uint8Array, start: number, end: number): MemoryError {
  return new MemoryError('BAD_RANGE', `bytes ${start} to ${end} are no range of an array of ${bytes.length} bytes`);
}
