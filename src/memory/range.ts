/**
 * Bounds check of a byte range given by a caller. Functions that bypass an array's own bounds need it: through a view
 * over the whole buffer, by address, or by copying less than they then count. The bytes beyond may belong to someone
 * else: Node's small Buffers share one pool.
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
  return new MemoryError(
    'BAD_RANGE',
    `bytes ${start} to ${end} are out of range for an array of ${bytes.length} bytes`,
  );
}
