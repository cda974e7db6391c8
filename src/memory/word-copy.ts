/**
 * Copies packets. `TypedArray.set` copies long ones at memory speed, but needs a subarray of the source, which is
 * garbage and costs more than copying a short packet. Between shared and unshared memory it also copies byte by byte
 * unless both sides are equally aligned. In both cases copying four bytes at a time is faster.
 */
import { checkRange } from './range.js';
import { LITTLE_ENDIAN as LITTLE } from './view.js';

/** Words per unrolled iteration. */
const ROW = 4;
/** From this length in bytes, a subarray is worth its cost. */
const LONG = 256;
/** Alignment in bytes that source and destination must share for `set` to be fast with shared memory. */
const ALIGNMENT = 8;

/** Pages that aren't isolated from others have none; to look for it each time costs more than to copy a packet. */
const SHARED = typeof SharedArrayBuffer === 'undefined' ? undefined : SharedArrayBuffer;

/** Copies byte ranges into one destination array. */
export class WordCopy {
  readonly #bytes: Uint8Array;
  readonly #to: DataView;
  readonly #shared: boolean;
  /** The last source, and the view of its buffer, which usually hold the next packet, too. */
  #source: Uint8Array;
  #from: DataView;

  /** @param to the destination */
  constructor(to: Uint8Array) {
    this.#bytes = to;
    this.#shared = isShared(to.buffer);
    this.#to = new DataView(to.buffer, to.byteOffset, to.byteLength);
    this.#source = to;
    this.#from = this.#to;
  }

  /**
   * Copies the bytes from `start` to `end` to offset `at` of the destination; the ranges must not overlap.
   * @throws MemoryError `BAD_RANGE` for a range outside `from`; RangeError for one outside the destination
   */
  copy(from: Uint8Array, start: number, end: number, at: number): void {
    checkRange(from, start, end);
    const base = from.byteOffset;
    if (end - start >= LONG && this.#movesFast(from, base + start, at)) {
      this.#bytes.set(from.subarray(start, end), at);
      return;
    }
    // Comparing buffers takes two calls into V8's builtins, which cost as much as copying a short packet.
    if (from !== this.#source) this.#bind(from);
    const source = this.#from;
    const to = this.#to;
    const stop = base + end;
    let read = base + start;
    let write = at;
    for (; read + 4 * ROW <= stop; read += 4 * ROW, write += 4 * ROW) {
      to.setInt32(write, source.getInt32(read, LITTLE), LITTLE);
      to.setInt32(write + 4, source.getInt32(read + 4, LITTLE), LITTLE);
      to.setInt32(write + 8, source.getInt32(read + 8, LITTLE), LITTLE);
      to.setInt32(write + 12, source.getInt32(read + 12, LITTLE), LITTLE);
    }
    for (; read + 4 <= stop; read += 4, write += 4) to.setInt32(write, source.getInt32(read, LITTLE), LITTLE);
    for (; read < stop; read++, write++) to.setUint8(write, source.getUint8(read));
  }

  #bind(from: Uint8Array): void {
    this.#source = from;
    if (from.buffer !== this.#from.buffer) this.#from = new DataView(from.buffer);
  }

  #movesFast(from: Uint8Array, read: number, write: number): boolean {
    if (!this.#shared && !isShared(from.buffer)) return true;
    return (read - this.#to.byteOffset - write) % ALIGNMENT === 0;
  }
}

function isShared(buffer: ArrayBufferLike): boolean {
  return SHARED !== undefined && buffer instanceof SHARED;
}
