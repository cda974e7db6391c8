/** Writes copies of bytes that won't stay what they are, in memory that is used again. */
import type { Writable } from 'node:stream';

/** Bytes of each piece of memory: as much as is read at once. */
const PIECE = 65_536;
/** What is shorter gets memory of its size: many such could wait to be written, each with all of a piece. */
const MIN_PART = 16_384;
/** Most pieces that wait for another use, of all connections of a thread. */
const MAX_FREE = 64;

/** New memory for each copy would be most of what large content costs: page faults, and the collection of garbage. */
const free: Buffer[] = [];

/**
 * Writes a copy of `bytes` from `start` to `end`.
 * @returns false if the reader isn't as fast
 */
export function writeCopy(stream: Writable, bytes: Uint8Array, start: number, end: number): boolean {
  const part = bytes.subarray(start, end);
  if (part.length < MIN_PART || part.length > PIECE) return stream.write(Buffer.from(part));
  const piece = free.pop() ?? Buffer.allocUnsafeSlow(PIECE);
  piece.set(part);
  return stream.write(piece.subarray(0, part.length), (error) => {
    // After an error, nothing says who still reads from it.
    if (!(error instanceof Error) && free.length < MAX_FREE) free.push(piece);
  });
}
