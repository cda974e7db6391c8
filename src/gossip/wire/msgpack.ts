/**
 * MessagePack as memberlist writes it with Go's codec: structs are maps in the order of their fields' names, texts and
 * byte strings are both "raw" (never str 8, bin or ext), and integers have their smallest unsigned form. The reader also
 * accepts the newer forms, as Go's does, and skips fields that it doesn't know.
 */
import { type ByteWriter, decodeText, encodeText, isAscii } from '../../memory/internal.js';
import type { GossipFault } from './fault.js';

const NIL = 0xc0;
const FALSE = 0xc2;
const TRUE = 0xc3;
/** Maximum number of fields of a struct. */
const MAX_FIELDS = 64;
/** Longest name of a field. */
const MAX_FIELD_NAME = 64;
/** Maximum depth of a value that is skipped. */
const MAX_SKIP_DEPTH = 8;

/** A value of a field: undefined is nil. */
export type MsgpackValue = number | boolean | string | Uint8Array | undefined;

/** Writes a struct of at most 15 fields. Those that are null are left out. */
export function writeStruct(
  out: ByteWriter,
  fields: readonly (readonly [name: string, value: MsgpackValue | null])[],
): void {
  let count = 0;
  for (const [, value] of fields) if (value !== null) count++;
  out.byte(0x80 | count);
  for (const [name, value] of fields) {
    if (value === null) continue;
    writeText(out, name);
    if (value === undefined) out.byte(NIL);
    else if (typeof value === 'boolean') out.byte(value ? TRUE : FALSE);
    else if (typeof value === 'number') writeUint(out, value);
    else if (typeof value === 'string') writeText(out, value);
    else writeRaw(out, value);
  }
}

function writeUint(out: ByteWriter, value: number): void {
  if (value < 0x80) out.byte(value);
  else if (value < 0x100) {
    out.byte(0xcc);
    out.byte(value);
  } else if (value < 0x10000) {
    out.byte(0xcd);
    out.uint16(value);
  } else {
    out.byte(0xce);
    out.uint32(value);
  }
}

function writeText(out: ByteWriter, text: string): void {
  if (text.length >= 32 || !isAscii(text)) {
    writeRaw(out, encodeText(text));
    return;
  }
  out.byte(0xa0 | text.length);
  out.ascii(text);
}

function writeRaw(out: ByteWriter, bytes: Uint8Array): void {
  if (bytes.length < 32) out.byte(0xa0 | bytes.length);
  else if (bytes.length < 0x10000) {
    out.byte(0xda);
    out.uint16(bytes.length);
  } else {
    out.byte(0xdb);
    out.uint32(bytes.length);
  }
  out.bytes(bytes);
}

/** Reads values one after the other. After a fault, reads give zero values and the fault stays. */
export class MsgpackReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  /** Offset of the next value. */
  at: number;
  /** The first fault. */
  fault: GossipFault | undefined;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  /**
   * Reads a struct.
   * @param read reads the value of a field; returns whether it knows the field, else it is skipped
   */
  struct(read: (name: string) => boolean): void {
    const first = this.#byte();
    let count: number;
    // Nil is a struct of zero values.
    if (first === NIL) return;
    if ((first & 0xf0) === 0x80) count = first & 0x0f;
    else if (first === 0xde) count = this.#uint(2);
    else {
      this.fail('bad-msgpack');
      return;
    }
    if (count > MAX_FIELDS) {
      this.fail('too-many');
      return;
    }
    for (let i = 0; i < count && this.fault === undefined; i++) {
      const name = this.text(MAX_FIELD_NAME);
      if (this.#valid() && !read(name)) this.#skip(0);
    }
  }

  /** Reads an unsigned integer of at most 53 bits; nil is 0. */
  uint(max: number): number {
    const first = this.#byte();
    let value: number;
    if (first < 0x80 || first === NIL) value = first === NIL ? 0 : first;
    else if (first >= 0xcc && first <= 0xcf) value = this.#uint(1 << (first - 0xcc));
    else if (first >= 0xd0 && first <= 0xd3) {
      // Go's decoder takes signed forms, too, if the number isn't negative.
      const bytes = 1 << (first - 0xd0);
      value = this.#uint(bytes);
      if (value >= 2 ** (8 * bytes - 1)) value = -1;
    } else value = NaN;
    if (Number.isNaN(value)) this.fail('bad-msgpack');
    else if (value < 0 || value > max) this.fail('bad-number');
    return this.fault === undefined ? value : 0;
  }

  /** Reads a truth value; nil is false. */
  bool(): boolean {
    const first = this.#byte();
    if (first === TRUE) return this.fault === undefined;
    if (first !== FALSE && first !== NIL) this.fail('bad-msgpack');
    return false;
  }

  /** Reads a text of at most `max` bytes; nil is empty. */
  text(max: number): string {
    const length = this.#rawLength();
    if (length < 0) return '';
    if (length > max) this.fail('name-too-long');
    const start = this.#take(length);
    if (this.fault !== undefined) return '';
    const text = decodeText(this.#bytes, start, start + length);
    if (text === undefined) this.fail('bad-text');
    return text ?? '';
  }

  /** Reads a copy of a byte string of at most `max` bytes; nil is undefined. */
  raw(max: number): Uint8Array | undefined {
    const view = this.view(max);
    // A Buffer's slice would be a view.
    return view === undefined ? undefined : new Uint8Array(view);
  }

  /** Reads a byte string without copying it; nil is undefined. */
  view(max: number): Uint8Array | undefined {
    const length = this.#rawLength();
    if (length < 0) return undefined;
    if (length > max) this.fail('too-large');
    const start = this.#take(length);
    return this.fault === undefined ? this.#bytes.subarray(start, start + length) : undefined;
  }

  /** Skips a value. */
  skip(): void {
    this.#skip(0);
  }

  /** Sets the fault, if there is none. */
  fail(fault: GossipFault): void {
    this.fault ??= fault;
  }

  /** Length of a byte string; -1 for nil, or after a fault. */
  #rawLength(): number {
    const first = this.#byte();
    if ((first & 0xe0) === 0xa0) return first & 0x1f;
    if (first === 0xd9 || first === 0xc4) return this.#uint(1);
    if (first === 0xda || first === 0xc5) return this.#uint(2);
    if (first === 0xdb || first === 0xc6) return this.#uint(4);
    if (first !== NIL) this.fail('bad-msgpack');
    return -1;
  }

  #valid(): boolean {
    return this.fault === undefined;
  }

  #skip(depth: number): void {
    if (depth > MAX_SKIP_DEPTH) {
      this.fail('too-deep');
      return;
    }
    const first = this.#byte();
    if (first < 0x80 || first >= 0xe0 || (first >= 0xc0 && first <= 0xc3 && first !== 0xc1)) return;
    if ((first & 0xf0) === 0x80) this.#skipAll(2 * (first & 0x0f), depth);
    else if ((first & 0xf0) === 0x90) this.#skipAll(first & 0x0f, depth);
    else if ((first & 0xe0) === 0xa0) this.#take(first & 0x1f);
    else if (first >= 0xc4 && first <= 0xc6) this.#take(this.#uint(1 << (first - 0xc4)));
    else if (first >= 0xc7 && first <= 0xc9) this.#take(this.#uint(1 << (first - 0xc7)) + 1);
    else if (first === 0xca || first === 0xcb) this.#take(first === 0xca ? 4 : 8);
    else if (first >= 0xcc && first <= 0xcf) this.#take(1 << (first - 0xcc));
    else if (first >= 0xd0 && first <= 0xd3) this.#take(1 << (first - 0xd0));
    else if (first >= 0xd4 && first <= 0xd8) this.#take(1 + (1 << (first - 0xd4)));
    else if (first >= 0xd9 && first <= 0xdb) this.#take(this.#uint(1 << (first - 0xd9)));
    else if (first >= 0xdc) this.#skipAll(this.#uint(first & 1 ? 4 : 2) * (first >= 0xde ? 2 : 1), depth);
    else this.fail('bad-msgpack');
  }

  #skipAll(count: number, depth: number): void {
    for (let i = 0; i < count && this.fault === undefined; i++) this.#skip(depth + 1);
  }

  /** A big-endian number of some bytes; of those beyond 53 bits, only their size is right. */
  #uint(count: number): number {
    const start = this.#take(count);
    let value = 0;
    if (this.fault !== undefined) return 0;
    for (let i = 0; i < count; i++) value = value * 256 + this.#bytes[start + i];
    return value;
  }

  #byte(): number {
    const start = this.#take(1);
    return this.fault === undefined ? this.#bytes[start] : NIL;
  }

  /** Moves past some bytes. Returns where they start. */
  #take(count: number): number {
    const start = this.at;
    if (this.#end - start < count) this.fail('truncated');
    else this.at += count;
    return start;
  }
}
