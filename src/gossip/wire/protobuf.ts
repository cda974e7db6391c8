/**
 * Protocol Buffers as NetworkDB writes them with gogo/protobuf: proto3, fields in the order of their numbers, zero
 * values left out. The reader skips fields that it doesn't know, as a newer Docker may send them.
 */
import { ByteWriter } from './byte-writer.js';
import type { GossipFault } from './fault.js';
import { decodeText, encodeText, isAscii } from './text-codec.js';

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const MAX_VARINT = 10;

/** Writes the fields of one message. */
export class ProtobufWriter {
  readonly #out = new ByteWriter(128);

  /** The message. */
  finish(): Uint8Array {
    return this.#out.finish();
  }

  /** Writes a whole number of at most 53 bits, unless it is 0. */
  uint(field: number, value: number): this {
    if (value === 0) return this;
    this.#varint(field * 8 + VARINT);
    this.#varint(value);
    return this;
  }

  /** Writes true; false is left out. */
  bool(field: number, value: boolean): this {
    return this.uint(field, value ? 1 : 0);
  }

  /** Writes a text, unless it is empty. */
  text(field: number, value: string): this {
    if (value === '') return this;
    if (!isAscii(value)) return this.element(field, encodeText(value));
    this.#varint(field * 8 + BYTES);
    this.#varint(value.length);
    this.#out.ascii(value);
    return this;
  }

  /** Writes bytes, unless there are none. */
  bytes(field: number, value: Uint8Array): this {
    return value.length === 0 ? this : this.element(field, value);
  }

  /** Writes bytes of a repeated field or a message, empty or not. */
  element(field: number, value: Uint8Array): this {
    this.#varint(field * 8 + BYTES);
    this.#varint(value.length);
    this.#out.bytes(value);
    return this;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#out.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#out.byte(rest);
  }
}

/**
 * Reads the fields of one message, one after the other. After a fault, reads give zero values, `next` ends and the fault
 * stays. Each field is read once, or skipped, before the next.
 */
export class ProtobufReader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;
  #wireType = 0;
  /** Number of the current field. */
  field = 0;
  /** The first fault. */
  fault: GossipFault | undefined;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Moves to the next field. Returns false at the end, and after a fault. */
  next(): boolean {
    if (this.fault !== undefined || this.#at >= this.#end) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.#wireType = tag % 8;
    if (this.field === 0 || tag > 0xffffffff) this.fail('bad-protobuf');
    return this.#valid();
  }

  /** Reads a number from 0 to `max`. */
  uint(max: number, fault: GossipFault = 'bad-number'): number {
    if (this.#wireType !== VARINT) this.fail('bad-protobuf');
    const value = this.fault === undefined ? this.#varint() : 0;
    if (value > max) this.fail(fault);
    return this.fault === undefined ? value : 0;
  }

  /** Reads a truth value. */
  bool(): boolean {
    return this.uint(Number.MAX_VALUE) !== 0;
  }

  /** Reads a text of at most `max` bytes. */
  text(max: number): string {
    const bytes = this.view(max, 'name-too-long');
    const text = decodeText(bytes, 0, bytes.length);
    if (text === undefined) this.fail('bad-text');
    return text ?? '';
  }

  /** Reads a copy of bytes. */
  bytes(max: number): Uint8Array {
    return this.view(max).slice();
  }

  /** Reads bytes without copying them. */
  view(max: number, fault: GossipFault = 'too-large'): Uint8Array {
    if (this.#wireType !== BYTES) this.fail('bad-protobuf');
    const length = this.fault === undefined ? this.#varint() : 0;
    if (length > max) this.fail(fault);
    const start = this.#at;
    this.#take(length);
    return this.fault === undefined ? this.#bytes.subarray(start, start + length) : new Uint8Array(0);
  }

  /** Skips the current field. */
  skip(): void {
    if (this.#wireType === VARINT) this.#varint();
    else if (this.#wireType === FIXED64) this.#take(8);
    else if (this.#wireType === FIXED32) this.#take(4);
    else if (this.#wireType === BYTES) this.#take(this.#varint());
    else this.fail('bad-protobuf');
  }

  /** Sets the fault, if there is none. */
  fail(fault: GossipFault): void {
    this.fault ??= fault;
  }

  #valid(): boolean {
    return this.fault === undefined;
  }

  /** Reads a varint of at most 64 bits; of those beyond 53 bits, only their size is right. */
  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < MAX_VARINT; i++) {
      if (this.#at >= this.#end) {
        this.fail('truncated');
        return 0;
      }
      const byte = this.#bytes[this.#at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    this.fail('bad-protobuf');
    return 0;
  }

  #take(count: number): void {
    if (this.#end - this.#at < count) this.fail('truncated');
    else this.#at += count;
  }
}
