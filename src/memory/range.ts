/**
 * Bounds check for a byte range given by a caller. Needed wherever the array's own bounds don't apply: access through a
 * view over the whole buffer, access by address, and copies that would silently be shortened. The bytes beyond the
 * array may belong to another one: Node's small Buffers share a pool.
 */
import { MemoryError } from './arena.js';

/**
 * Throws unless `start` and `end` are integers that delimit a range within an array.
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
