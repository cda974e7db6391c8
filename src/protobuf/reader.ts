/** Reads protobuf's wire format field by field. */
import { decodeText } from '../memory/internal.js';
import { type ProtobufFault } from './fault.js';

/** How a field's value is encoded. Groups (3 and 4) are obsolete, and faults. */
export const WireType = { Varint: 0, Fixed64: 1, Bytes: 2, Fixed32: 5 } as const;
export type WireType = (typeof WireType)[keyof typeof WireType];

const TWO_32 = 2 ** 32;
const MAX_VARINT = 10;
const NO_BYTES: Uint8Array = new Uint8Array(0);

/**
 * A cursor over one message. Call `next` until it returns false, and after each either one of the value methods or
 * `skip`. Nothing throws: after a fault, values are zero, `next` returns false, and the fault stays. Work is linear in
 * the message's length.
 *
 * `Fault` has the names of faults that the caller adds, with `fail` or as those of limits.
 */
export class ProtobufReader<Fault extends string = never> {
  /** Number of the current field, 1 to 2^29 - 1. */
  field = 0;
  /** The first fault. */
  fault: ProtobufFault | Fault | undefined;
  /** Where the value or the field begins that the fault is in: an offset in the bytes. */
  faultAt = 0;
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #outer: ProtobufReader<Fault> | undefined;
  #at: number;
  /** Where the current field's value begins, or the field itself while `next` reads it. */
  #start: number;
  #wireType: number = WireType.Varint;
  /** Halves of the last varint, 0 to 2^32 - 1. */
  #low = 0;
  #high = 0;

  /**
   * @param bytes what the message is in; not copied
   * @param outer the reader of the message that this one is in, which gets its fault
   */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length, outer?: ProtobufReader<Fault>) {
    this.#bytes = bytes;
    this.#at = start;
    this.#start = start;
    this.#end = end;
    this.#outer = outer;
  }

  /** Moves to the next field. Returns false at the end, and after a fault. */
  next(): boolean {
    if (this.fault !== undefined || this.#at >= this.#end) return false;
    this.#start = this.#at;
    this.#readVarint();
    const wireType = this.#low & 7;
    // A truncated tag is 0.
    const isValid = this.#high === 0 && this.#low >= 8 && wireType <= 5 && wireType !== 3 && wireType !== 4;
    if (!isValid) this.fail('bad-protobuf');
    this.field = this.#low >>> 3;
    this.#wireType = wireType;
    this.#start = this.#at;
    return isValid;
  }

  /** Reads an unsigned integer (`uint32`, `uint64`) from 0 to `max`, which is at most 2^53 - 1. */
  uint(max = Number.MAX_SAFE_INTEGER, fault: ProtobufFault | Fault = 'bad-number'): number {
    this.#readInteger();
    const value = this.#high * TWO_32 + this.#low;
    if (value <= max) return value;
    this.fail(fault);
    return 0;
  }

  /** Reads a signed integer in two's complement (`int32`, `int64`, enums), within 2^53 - 1 either way. */
  int(): number {
    this.#readInteger();
    const value = (this.#high | 0) * TWO_32 + this.#low;
    if (Number.isSafeInteger(value)) return value;
    this.fail('bad-number');
    return 0;
  }

  /** Reads a boolean. */
  bool(): boolean {
    this.#readInteger();
    return (this.#low | this.#high) !== 0;
  }

  /** Reads a text of at most `max` bytes. */
  text(max = Infinity, fault: ProtobufFault | Fault = 'too-large'): string {
    const length = this.#readLength(max, fault);
    const text = decodeText(this.#bytes, this.#at - length, this.#at);
    if (text === undefined) this.fail('bad-text');
    return text ?? '';
  }

  /** Reads a copy of at most `max` bytes. */
  bytes(max = Infinity): Uint8Array {
    // A Buffer's slice would be a view.
    return new Uint8Array(this.view(max));
  }

  /** Reads at most `max` bytes without copying them. */
  view(max = Infinity): Uint8Array {
    const length = this.#readLength(max, 'too-large');
    return length === 0 ? NO_BYTES : this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A reader of the message of at most `max` bytes that is this field's value. Its fault is also this one's. */
  message(max = Infinity): ProtobufReader<Fault> {
    const length = this.#readLength(max, 'too-large');
    return new ProtobufReader(this.#bytes, this.#at - length, this.#at, this);
  }

  /** Skips the current field's value. */
  skip(): void {
    if (this.#wireType === WireType.Varint) this.#readVarint();
    else if (this.#wireType === WireType.Bytes) this.#readLength(Infinity, 'too-large');
    else this.#take(this.#wireType === WireType.Fixed64 ? 8 : 4);
  }

  /** Sets the fault, if there is none. */
  fail(fault: ProtobufFault | Fault, at = this.#start): void {
    if (this.fault !== undefined) return;
    this.fault = fault;
    this.faultAt = at;
    this.#outer?.fail(fault, at);
  }

  #readInteger(): void {
    if (this.#wireType !== WireType.Varint) this.fail('bad-protobuf');
    this.#readVarint();
  }

  /** Reads a length and takes as many bytes, which end at the cursor. Returns 0 after a fault. */
  #readLength(max: number, fault: ProtobufFault | Fault): number {
    if (this.#wireType !== WireType.Bytes) this.fail('bad-protobuf');
    this.#readVarint();
    const length = this.#high * TWO_32 + this.#low;
    if (length > max) this.fail(fault);
    return this.#take(length);
  }

  #take(count: number): number {
    if (count > this.#end - this.#at) this.fail('truncated');
    if (this.fault !== undefined) return 0;
    this.#at += count;
    return count;
  }

  /** Reads a varint of at most 64 bits into its halves: 0 after a fault. */
  #readVarint(): void {
    this.#low = 0;
    this.#high = 0;
    let low = 0;
    let high = 0;
    for (let i = 0; i < MAX_VARINT && this.fault === undefined; i++) {
      if (this.#at >= this.#end) {
        this.fail('truncated');
        return;
      }
      const byte = this.#bytes[this.#at++];
      const bits = byte & 0x7f;
      // Bits 28 to 34 of the value are in both halves.
      if (i < 5) low = (low | (bits << (7 * i))) >>> 0;
      if (i === 4) high = bits >>> 4;
      if (i > 4) high = (high | (bits << (7 * i - 32))) >>> 0;
      if (byte >= 0x80) continue;
      if (i === MAX_VARINT - 1 && byte > 1) break;
      this.#low = low;
      this.#high = high;
      return;
    }
    this.fail('bad-protobuf');
  }
}
