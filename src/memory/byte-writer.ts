/** Bytes that are written one after the other. */

/** Buffers that are not in use: allocating one takes longer than writing a message into it. */
const free: Uint8Array[] = [];
const MAX_FREE = 8;
const MIN_CAPACITY = 2048;
const MAX_KEPT = 65_536;
const NO_BYTES = new Uint8Array(0);

/** A buffer that grows. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  /** @param capacity bytes to reserve */
  constructor(capacity = 256) {
    const reused = free.pop() ?? NO_BYTES;
    this.#bytes = reused.length >= capacity ? reused : new Uint8Array(Math.max(capacity, MIN_CAPACITY));
  }

  /** Bytes written. */
  get length(): number {
    return this.#length;
  }

  /** A copy of what was written; the writer is empty afterwards. */
  finish(): Uint8Array {
    const result = this.#bytes.slice(0, this.#length);
    if (this.#bytes.length <= MAX_KEPT && free.length < MAX_FREE) free.push(this.#bytes);
    this.#bytes = NO_BYTES;
    this.#length = 0;
    return result;
  }

  /** Writes the low 8 bits of a number. */
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Writes 16 bits, big-endian. */
  uint16(value: number): void {
    this.byte(value >>> 8);
    this.byte(value);
  }

  /** Writes 32 bits, big-endian. */
  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value);
  }

  /** Writes bytes. */
  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Writes a text that is all ASCII. */
  ascii(value: string): void {
    this.#reserve(value.length);
    for (let i = 0; i < value.length; i++) this.#bytes[this.#length++] = value.charCodeAt(i);
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, MIN_CAPACITY, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
