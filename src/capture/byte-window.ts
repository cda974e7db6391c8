import { CaptureError } from './error.js';
import { READ_BYTES } from './record-decoder.js';

/** The part of a capture that is in memory: filled behind, consumed in front, of fixed size. */
export class ByteWindow {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the unread bytes begin and end. */
  start = 0;
  end = 0;
  /** Offset in the capture of the byte at `start`. */
  position = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Unread bytes. */
  get available(): number {
    return this.end - this.start;
  }

  /** Goes on by some unread bytes. */
  skip(count: number): void {
    this.start += count;
    this.position += count;
  }

  /** Moves the unread rest to the front and gives the room behind it. Voids every offset into the window. */
  room(): Uint8Array {
    if (this.start > 0) {
      this.bytes.copyWithin(0, this.start, this.end);
      this.end -= this.start;
      this.start = 0;
    }
    if (this.end === this.bytes.length) {
      throw new CaptureError('CAPTURE_DAMAGED', `a record at byte ${this.position} is larger than the window`);
    }
    return this.bytes.subarray(this.end, this.end + READ_BYTES);
  }

  /** Says how many bytes were put into the room. */
  filled(count: number): void {
    this.end += count;
  }
}
