/**
 * Declarative header layouts: a list of named fields in the order of the RFC's diagram. The declaration documents the
 * header, gives it a slow and readable `decode` and `encode`, and supplies the offsets of the fast views, so that the
 * two can't disagree.
 */
import { BitStructure, Layout, type LayoutBuffer, Structure, UIntBE } from 'buffer-layout';
import { VtepError } from '../error.js';
import { formatIpv4, formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac } from './address.js';

/** A field or word of a header; `Shape` is what it adds to the decoded object, `Span` how many bytes it has. */
export interface Field<Shape extends object, Span extends number = number> {
  /** @internal */
  readonly layout: Layout<unknown>;
  /** Never set; these two members only carry types. */
  readonly shape?: Shape;
  readonly span?: Span;
}

/** Position of a bit field: byte offset and span (bytes) of its word, then shift and mask within the word. */
export interface BitRange {
  readonly offset: number;
  readonly span: number;
  readonly shift: number;
  readonly mask: number;
}

type Intersection<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never;
type ShapeOf<F extends readonly Field<object>[]> = Intersection<NonNullable<F[number]['shape']>>;

/** A field of a header in bytes: its value, and where it is. */
export interface FieldValue {
  readonly name: string;
  /** A number, or the text of an address. */
  readonly value: number | string;
  /** Offset in the bytes of the field, or of the word that a bit field is in. */
  readonly from: number;
  /** Offset after it. */
  readonly to: number;
  /** Bits of a bit field; undefined for others. */
  readonly bits: number | undefined;
}

/** A tuple with an element for each byte: types can add numbers only as lengths of tuples. */
type Bytes<Span extends number, T extends unknown[] = []> = number extends Span
  ? unknown[]
  : T['length'] extends Span
    ? T
    : Bytes<Span, [...T, unknown]>;

/**
 * The size of a header and the offsets of its fields, known to the type checker, so that the build can inline them.
 * `Before` has the bytes before the first field.
 */
type SpanOf<F extends readonly Field<object>[], Before extends unknown[] = []> = F extends readonly [
  Field<object, infer Span>,
  ...infer Rest extends readonly Field<object>[],
]
  ? SpanOf<Rest, [...Before, ...Bytes<Span>]>
  : Before['length'] & number;
type OffsetsOf<F extends readonly Field<object>[], Before extends unknown[] = []> = F extends readonly [
  Field<infer Shape, infer Span>,
  ...infer Rest extends readonly Field<object>[],
]
  ? Record<keyof Shape, Before['length']> & OffsetsOf<Rest, [...Before, ...Bytes<Span>]>
  : unknown;

/**
 * The two Buffer methods that buffer-layout's integers call, over any Uint8Array, so that browsers need no node:buffer.
 */
class LayoutBytes implements LayoutBuffer {
  constructor(readonly bytes: Uint8Array) {}

  readUIntBE(offset: number, byteLength: number): number {
    let value = 0;
    for (let i = 0; i < byteLength; i++) value = value * 256 + this.bytes[offset + i];
    return value;
  }

  writeUIntBE(value: number, offset: number, byteLength: number): number {
    // buffer-layout passes a 32-bit word of bit fields as a signed number.
    let rest = value < 0 ? value + 2 ** 32 : value;
    for (let i = byteLength - 1; i >= 0; i--) {
      this.bytes[offset + i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    return offset + byteLength;
  }
}

/** Bytes with a text form: a MAC or an IP address. */
class TextLayout extends Layout<string> {
  readonly #format: (bytes: Uint8Array, offset: number) => string;
  readonly #parse: (text: string) => Uint8Array;

  constructor(
    span: number,
    property: string,
    format: (bytes: Uint8Array, offset: number) => string,
    parse: (text: string) => Uint8Array,
  ) {
    super(span, property);
    this.#format = format;
    this.#parse = parse;
  }

  decode(buffer: LayoutBytes, offset = 0): string {
    return this.#format(buffer.bytes, offset);
  }

  encode(value: string, buffer: LayoutBytes, offset = 0): number {
    buffer.bytes.set(this.#parse(value), offset);
    return this.span;
  }
}

function integer<N extends string, S extends number>(name: N, span: S): Field<Record<N, number>, S> {
  return { layout: new UIntBE(span, name) };
}

/** One byte. */
export function u8<N extends string>(name: N): Field<Record<N, number>, 1> {
  return integer(name, 1);
}

/** Two bytes in network order. */
export function u16<N extends string>(name: N): Field<Record<N, number>, 2> {
  return integer(name, 2);
}

/** Three bytes in network order. */
export function u24<N extends string>(name: N): Field<Record<N, number>, 3> {
  return integer(name, 3);
}

/** Four bytes in network order. */
export function u32<N extends string>(name: N): Field<Record<N, number>, 4> {
  return integer(name, 4);
}

/** A 48-bit MAC address, decoded to `aa:bb:cc:dd:ee:ff`. */
export function mac<N extends string>(name: N): Field<Record<N, string>, 6> {
  return { layout: new TextLayout(6, name, formatMac, parseMac) };
}

/** A 32-bit IPv4 address, decoded to dotted decimal. */
export function ipv4<N extends string>(name: N): Field<Record<N, string>, 4> {
  return { layout: new TextLayout(4, name, formatIpv4, parseIpv4) };
}

/** A 128-bit IPv6 address, decoded to the text of RFC 5952. */
export function ipv6<N extends string>(name: N): Field<Record<N, string>, 16> {
  return { layout: new TextLayout(16, name, formatIpv6, parseIpv6) };
}

/**
 * A word of bit fields, most significant first.
 * @param span size of the word in bytes, 1 to 4
 * @param widths bits of each field, by name; they must fill the word
 */
export function bits<W extends Record<string, number>, S extends number>(
  span: S,
  widths: W,
): Field<Record<keyof W & string, number>, S> {
  const names = Object.keys(widths);
  const word = new BitStructure(new UIntBE(span), true, names.join('|'));
  for (const name of names) word.addField(widths[name], name);
  return { layout: word };
}

/**
 * A header of fixed size with named fields. `Shape` is what it decodes to, `Span` is its size in bytes, and `Offsets`
 * has the byte offset of each field.
 */
export class HeaderLayout<
  Shape extends object,
  Span extends number = number,
  Offsets extends object = Record<keyof Shape, number>,
> {
  /** Display name. */
  readonly name: string;
  /** Size of the header in bytes, without options. */
  readonly span: Span;
  readonly #structure: Structure;
  readonly #words: BitStructure[];

  /** @internal Use `header`. */
  constructor(name: string, fields: readonly Field<object>[]) {
    this.name = name;
    this.#structure = new Structure(
      fields.map((field) => field.layout),
      name,
    );
    this.#words = fields.map((field) => field.layout).filter((layout) => layout instanceof BitStructure);
    this.span = this.#structure.span as Span;
  }

  /** Byte offset of a field that isn't a bit field. Throws `NO_SUCH_FIELD`. */
  offsetOf<Name extends keyof Shape & keyof Offsets & string>(field: Name): Offsets[Name] {
    const offset = this.#structure.offsetOf(field);
    if (offset === undefined) throw new VtepError('NO_SUCH_FIELD', `${this.name} has no field ${field}`);
    return offset as Offsets[Name];
  }

  /** Position of a bit field. Throws `NO_SUCH_FIELD`. */
  bitsOf(field: keyof Shape & string): BitRange {
    for (const word of this.#words) {
      const found = word.fields.find((candidate) => candidate.property === field);
      if (found !== undefined) {
        const offset = this.#structure.offsetOf(word.property as string) as number;
        return { offset, span: word.span, shift: found.start, mask: found.valueMask };
      }
    }
    throw new VtepError('NO_SUCH_FIELD', `${this.name} has no bit field ${field}`);
  }

  /**
   * Decodes the header to a plain object: readable, but slow (it allocates). The views read the same bytes fast.
   * @param offset offset of the header
   * @throws VtepError `SHORT_HEADER` if fewer than `span` bytes are left
   */
  decode(bytes: Uint8Array, offset = 0): Shape {
    this.#require(bytes, offset);
    const fields: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(this.#structure.decode(new LayoutBytes(bytes), offset))) {
      // A word of bit fields decodes to a nested object; merge its fields into the header's.
      if (typeof value === 'object') Object.assign(fields, value);
      else fields[name] = value;
    }
    return fields as Shape;
  }

  /**
   * Lists the header's fields in wire order, with where each is: for programs that show a header.
   * @param offset offset of the header
   * @throws VtepError `SHORT_HEADER` if fewer than `span` bytes are left
   * @example
   * import { udpLayout } from 'vtep/wire';
   *
   * for (const { name, value, from, to } of udpLayout.fieldsOf(Uint8Array.of(0, 53, 16, 0, 0, 8, 0, 0))) {
   *   console.log(name, value, `bytes ${from} to ${to}`);
   * }
   */
  fieldsOf(bytes: Uint8Array, offset = 0): FieldValue[] {
    this.#require(bytes, offset);
    const buffer = new LayoutBytes(bytes);
    let at = offset;
    return this.#structure.fields.flatMap((layout): FieldValue[] => {
      const [from, to] = [at, at + layout.span];
      at = to;
      const value = layout.decode(buffer, from) as FieldValue['value'] | Record<string, number>;
      if (!(layout instanceof BitStructure)) {
        return [{ name: layout.property as string, value: value as FieldValue['value'], from, to, bits: undefined }];
      }
      const values = value as Record<string, number>;
      return layout.fields.map(({ property, bits }) => {
        return { name: property, value: values[property], from, to, bits };
      });
    });
  }

  /**
   * Encodes fields into bytes; omitted fields are left unchanged.
   * @returns the header's size in bytes
   * @throws VtepError `SHORT_HEADER` if fewer than `span` bytes are left
   */
  encode(fields: Partial<Shape>, bytes: Uint8Array, offset = 0): number {
    this.#require(bytes, offset);
    const values: Record<string, unknown> = { ...fields };
    for (const word of this.#words) values[word.property as string] = fields;
    this.#structure.encode(values, new LayoutBytes(bytes), offset);
    return this.span;
  }

  #require(bytes: Uint8Array, offset: number): void {
    if (offset < 0 || offset + this.span > bytes.length) {
      const left = Math.max(0, bytes.length - offset);
      throw new VtepError(
        'SHORT_HEADER',
        `${this.name} needs ${this.span} bytes at offset ${offset}, ${left} are left`,
      );
    }
  }
}

/** Declares a header: its name and its fields in wire order. */
export function header<const F extends readonly Field<object>[]>(
  name: string,
  ...fields: F
): HeaderLayout<ShapeOf<F> & object, SpanOf<F>, OffsetsOf<F> & object> {
  return new HeaderLayout(name, fields);
}
