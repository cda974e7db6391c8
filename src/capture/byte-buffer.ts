import { checkRange } from '../memory/internal.js';
import type { ByteSink } from './packet-sink.js';

const CAPACITY = 1 << 18;

/** Coalesces small writes, so that the sink sees few large ones. */
export class ByteBuffer {
  readonly bytes = new Uint8Array(CAPACITY);
  readonly view = new DataView(this.bytes.buffer);
  readonly #sink: ByteSink;
  #used = 0;
  #flushed = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** Total bytes appended so far. */
  get total(): number {
    return this.#flushed + this.#used;
  }

  /** Reserves space for a header; returns its offset. */
  reserve(count: number): number {
    if (this.#used + count > CAPACITY) this.flush();
    const at = this.#used;
    this.#used += count;
    return at;
  }

  /**
   * Appends any number of bytes.
   * @throws MemoryError `BAD_RANGE`
   */
  append(bytes: Uint8Array, offset: number, length: number): void {
    checkRange(bytes, offset, offset + length);
    if (this.#used + length > CAPACITY) this.flush();
    if (length > CAPACITY) {
      this.#sink(bytes.subarray(offset, offset + length));
      this.#flushed += length;
      return;
    }
    // For packet-sized copies set() is faster than a loop, despite the subarray it allocates.
    this.bytes.set(bytes.subarray(offset, offset + length), this.#used);
    this.#used += length;
  }

  /** Passes everything buffered to the sink. */
  flush(): void {
    if (this.#used > 0) this.#sink(this.bytes.subarray(0, this.#used));
    this.#flushed += this.#used;
    this.#used = 0;
  }
}
