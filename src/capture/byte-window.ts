import { CaptureError } from './error.js';
import { MAX_RECORD, READ_BYTES } from './record-decoder.js';

/**
 * Offset in the window at which every read starts: half a page after a page boundary. The unconsumed rest of a record
 * is moved to just before it. Copying out of the page cache to a target a few bytes further into its page than the
 * source is several times slower on many processors (4 KiB store-to-load aliasing), and the allocator and the file
 * would otherwise both align to page boundaries.
 */
const READ_AT = Math.ceil(MAX_RECORD / 4096) * 4096 + 2048;

/** The part of a capture that is in memory: a fixed-size buffer, filled at the end and consumed from the start. */
export class ByteWindow {
  readonly bytes = new Uint8Array(READ_AT + READ_BYTES);
  readonly view = new DataView(this.bytes.buffer);
  /** Start and end offsets of the unread bytes. */
  start = READ_AT;
  end = READ_AT;
  /** Offset in the capture of the byte at `start`. */
  position = 0;

  /** Number of unread bytes. */
  get available(): number {
    return this.end - this.start;
  }

  /** Consumes unread bytes. */
  skip(count: number): void {
    this.start += count;
    this.position += count;
  }

  /**
   * Moves the unread bytes aside and returns the space after them. Invalidates every offset into the window.
   * @throws CaptureError `CAPTURE_DAMAGED` if the rest is longer than the longest valid record
   */
  reserve(): Uint8Array {
    const rest = this.available;
    if (rest > MAX_RECORD) {
      throw new CaptureError('CAPTURE_DAMAGED', `the record at byte ${this.position} exceeds the maximum record size`);
    }
    this.bytes.copyWithin(READ_AT - rest, this.start, this.end);
    this.start = READ_AT - rest;
    this.end = READ_AT;
    return this.bytes.subarray(READ_AT);
  }

  /** Marks bytes that were read into the space from `room` as unread. */
  commit(count: number): void {
    this.end += count;
  }
}
