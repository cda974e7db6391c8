import { CaptureError } from './error.js';
import { MAX_RECORD, READ_BYTES } from './record-decoder.js';

/**
 * Where reads begin in the window. The rest of a record that a read left over is moved to right before it, so that every
 * read goes to the same place: half a page off the page's beginning. A copy out of the page cache whose target lies a
 * few bytes further into its page than its source is several times slower on many processors (a store looks like it
 * might overwrite the next load), and page beginnings are what the allocator and the file would otherwise line up.
 */
const READ_AT = Math.ceil(MAX_RECORD / 4096) * 4096 + 2048;

/** The part of a capture that is in memory: filled behind, consumed in front, of fixed size. */
export class ByteWindow {
  readonly bytes = new Uint8Array(READ_AT + READ_BYTES);
  readonly view = new DataView(this.bytes.buffer);
  /** Where the unread bytes begin and end. */
  start = READ_AT;
  end = READ_AT;
  /** Offset in the capture of the byte at `start`. */
  position = 0;

  /** Unread bytes. */
  get available(): number {
    return this.end - this.start;
  }

  /** Goes on by some unread bytes. */
  skip(count: number): void {
    this.start += count;
    this.position += count;
  }

  /**
   * Moves the unread rest out of the way and gives the room behind it. Voids every offset into the window.
   * @throws CaptureError `CAPTURE_DAMAGED` if the rest is longer than any record may be
   */
  room(): Uint8Array {
    const rest = this.available;
    if (rest > MAX_RECORD) {
      throw new CaptureError('CAPTURE_DAMAGED', `the record at byte ${this.position} is longer than any may be`);
    }
    this.bytes.copyWithin(READ_AT - rest, this.start, this.end);
    this.start = READ_AT - rest;
    this.end = READ_AT;
    return this.bytes.subarray(READ_AT);
  }

  /** Says how many bytes were put into the room. */
  filled(count: number): void {
    this.end += count;
  }
}
