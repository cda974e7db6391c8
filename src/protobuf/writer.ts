/** Writes protobuf's wire format field by field. */
import { WireType } from './reader.js';

const FIRST_SIZE = 64;
const TWO_32 = 2 ** 32;

/** Builds one message. Fields are written in the order of the calls, also those with default values. */
export class ProtobufWriter {
  #bytes = new Uint8Array(FIRST_SIZE);
  #length = 0;

  /**
   * Appends an integer field: `uint32`, `uint64`, `int32`, `int64` or an enum.
   * @param value a whole number within 2^53 - 1 either way; negative ones take 10 bytes
   */
  int(number: number, value: number): void {
    this.#tag(number, WireType.Varint);
    this.#varint(value);
  }

  /** Appends a boolean field. */
  bool(number: number, value: boolean): void {
    this.int(number, value ? 1 : 0);
  }

  /** Appends a field of bytes, or an encoded message. */
  bytes(number: number, value: Uint8Array): void {
    this.#tag(number, WireType.Bytes);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Appends a string field. */
  text(number: number, value: string): void {
    this.bytes(number, new TextEncoder().encode(value));
  }

  /** The message so far, as a copy. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #tag(number: number, wireType: WireType): void {
    this.#varint(number * 8 + wireType);
  }

  #varint(value: number): void {
    this.#reserve(10);
    let low = value >>> 0;
    let high = Math.floor(value / TWO_32) >>> 0;
    while (high !== 0 || low > 0x7f) {
      this.#bytes[this.#length++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#bytes[this.#length++] = low;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + count));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
