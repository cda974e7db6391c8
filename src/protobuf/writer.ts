/** Writes protobuf's wire format field by field. */
import { ByteWriter, encodeText, isAscii } from '../memory/internal.js';
import { WireType } from './reader.js';

const TWO_32 = 2 ** 32;

/**
 * Builds one message. As in proto3, fields with their type's default are not written; gogo/protobuf, which Docker uses,
 * writes the others in the order of their numbers.
 */
export class ProtobufWriter {
  readonly #out = new ByteWriter(128);

  /** The message. The writer is empty afterwards. */
  finish(): Uint8Array {
    return this.#out.finish();
  }

  /**
   * Writes an integer (`uint32`, `uint64`, `int32`, `int64`, enums), unless it is 0.
   * @param value a whole number within 2^53 - 1 either way; negative ones take 10 bytes
   */
  int(field: number, value: number): this {
    if (value === 0) return this;
    this.#varint(field * 8 + WireType.Varint);
    this.#varint(value);
    return this;
  }

  /** Writes true; false is left out. */
  bool(field: number, value: boolean): this {
    return this.int(field, value ? 1 : 0);
  }

  /** Writes a text, unless it is empty. */
  text(field: number, value: string): this {
    return value === '' ? this : this.element(field, value);
  }

  /** Writes bytes, unless there are none. */
  bytes(field: number, value: Uint8Array): this {
    return value.length === 0 ? this : this.element(field, value);
  }

  /** Writes an element of a repeated field, or a message: empty or not. */
  element(field: number, value: Uint8Array | string): this {
    const bytes = typeof value === 'string' && !isAscii(value) ? encodeText(value) : value;
    this.#varint(field * 8 + WireType.Bytes);
    this.#varint(bytes.length);
    if (typeof bytes === 'string') this.#out.ascii(bytes);
    else this.#out.bytes(bytes);
    return this;
  }

  #varint(value: number): void {
    let low = value >>> 0;
    let high = Math.floor(value / TWO_32) >>> 0;
    while (high !== 0 || low > 0x7f) {
      this.#out.byte((low & 0x7f) | 0x80);
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#out.byte(low);
  }
}
