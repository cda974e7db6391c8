/** Reads protobuf's wire format field by field. */
import { ProtobufError } from './error.js';

/** How a field's value is encoded. Groups (3 and 4) are obsolete, and rejected. */
export const WireType = { Varint: 0, Fixed64: 1, Bytes: 2, Fixed32: 5 } as const;
export type WireType = (typeof WireType)[keyof typeof WireType];

const TWO_32 = 2 ** 32;
const MAX_VARINT = 10;

/**
 * A cursor over one message. Call `next` until it returns false, and after each either one of the value methods or
 * `skip`. Work is linear in the message's length.
 */
export class ProtobufReader {
  /** Number of the current field. */
  number = 0;
  /** Encoding of the current field. */
  wireType: WireType = WireType.Varint;
  readonly #bytes: Uint8Array;
  #at = 0;
  /** Halves of the last varint, 0 to 2^32 - 1. */
  #low = 0;
  #high = 0;

  /** @param bytes the message; not copied */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /**
   * Moves to the next field.
   * @returns false at the end
   * @throws ProtobufError `BAD_PROTOBUF`
   */
  next(): boolean {
    if (this.#at === this.#bytes.length) return false;
    const start = this.#at;
    this.#readVarint();
    const wireType = this.#low & 7;
    if (this.#high !== 0 || this.#low < 8) throw this.#bad('invalid field number', start);
    if (wireType === 3 || wireType === 4 || wireType > 5) throw this.#bad(`unknown wire type ${wireType}`, start);
    this.number = this.#low >>> 3;
    this.wireType = wireType as WireType;
    return true;
  }

  /**
   * An unsigned integer.
   * @throws ProtobufError `BAD_PROTOBUF`, also above 2^53 - 1
   */
  uint(): number {
    this.#expect(WireType.Varint);
    const start = this.#at;
    this.#readVarint();
    const value = this.#high * TWO_32 + this.#low;
    if (value > Number.MAX_SAFE_INTEGER) throw this.#bad('integer above 2^53 - 1', start);
    return value;
  }

  /**
   * A signed integer in two's complement (`int32`, `int64`, enums).
   * @throws ProtobufError `BAD_PROTOBUF`, also beyond 2^53 - 1 either way
   */
  int(): number {
    this.#expect(WireType.Varint);
    const start = this.#at;
    this.#readVarint();
    const value = (this.#high | 0) * TWO_32 + this.#low;
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER) throw this.#bad('integer beyond 2^53 - 1', start);
    return value;
  }

  /** A boolean. */
  bool(): boolean {
    this.#expect(WireType.Varint);
    this.#readVarint();
    return (this.#low | this.#high) !== 0;
  }

  /** A view of the field's bytes. */
  bytes(): Uint8Array {
    this.#expect(WireType.Bytes);
    const start = this.#at;
    this.#readVarint();
    const end = this.#high === 0 ? this.#at + this.#low : Infinity;
    if (end > this.#bytes.length) throw this.#bad('field longer than its message', start);
    const value = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return value;
  }

  /** A string. Invalid UTF-8 becomes U+FFFD. */
  text(): string {
    return new TextDecoder().decode(this.bytes());
  }

  /** Skips the current field's value. */
  skip(): void {
    if (this.wireType === WireType.Varint) {
      this.#readVarint();
    } else if (this.wireType === WireType.Bytes) {
      this.bytes();
    } else {
      const end = this.#at + (this.wireType === WireType.Fixed64 ? 8 : 4);
      if (end > this.#bytes.length) throw this.#bad('field longer than its message', this.#at);
      this.#at = end;
    }
  }

  #readVarint(): void {
    const bytes = this.#bytes;
    const start = this.#at;
    let low = 0;
    let high = 0;
    for (let i = 0; i < MAX_VARINT; i++) {
      if (this.#at === bytes.length) throw this.#bad('truncated integer', start);
      const byte = bytes[this.#at++];
      const bits = byte & 0x7f;
      // Bits 28 to 34 of the value are in both halves.
      if (i < 5) low = (low | (bits << (7 * i))) >>> 0;
      if (i === 4) high = bits >>> 4;
      if (i > 4) high = (high | (bits << (7 * i - 32))) >>> 0;
      if (byte < 0x80) {
        if (i === MAX_VARINT - 1 && byte > 1) throw this.#bad('integer longer than 64 bits', start);
        this.#low = low;
        this.#high = high;
        return;
      }
    }
    throw this.#bad('integer longer than 64 bits', start);
  }

  #expect(wireType: WireType): void {
    if (this.wireType === wireType) return;
    throw this.#bad(`field ${this.number} has wire type ${this.wireType}, not ${wireType}`, this.#at);
  }

  #bad(what: string, at: number): ProtobufError {
    return new ProtobufError('BAD_PROTOBUF', `not a protobuf message: ${what} at byte ${at}`);
  }
}
