/**
 * Messages declared once, as an object of fields with their numbers. As in proto3, a field that is absent has its
 * type's default, defaults are not written, unknown fields are skipped, and of a repeated occurrence the last counts.
 * No code is generated at run time, so a browser's content security policy permits it.
 */
import { ProtobufError } from './error.js';
import { PROTOBUF_FAULTS } from './fault.js';
import { ProtobufReader } from './reader.js';
import { ProtobufWriter } from './writer.js';

/** A field: what it decodes to, and what it can be encoded from. */
export interface Field<Out, In = Out> {
  readonly number: number;
  /** The value of an absent field. */
  initial(): Out;
  /** Reads one occurrence. */
  read(reader: ProtobufReader, before: Out): Out;
  /** Writes the field, or nothing for the default. */
  write(writer: ProtobufWriter, value: In): unknown;
}

/** A type of messages. */
export interface MessageType<Out, In = Out> {
  /** @throws ProtobufError `BAD_PROTOBUF` */
  decode(bytes: Uint8Array): Out;
  /** Reads a message to its end, or to the reader's fault. */
  read(reader: ProtobufReader): Out;
  encode(value: In): Uint8Array;
}

type Fields = Readonly<Record<string, Field<never, never>>>;
type OutOf<F> = { readonly [K in keyof F]: F[K] extends Field<infer Out, never> ? Out : never };
type InOf<F> = { readonly [K in keyof F]?: (F[K] extends Field<unknown, infer In> ? In : never) | undefined };

/** What messages of a type decode to. */
export type Decoded<M> = M extends MessageType<infer Out, never> ? Out : never;

/**
 * Declares a type of messages: `message({ seconds: int(1), nanos: int(2) })` has objects `{ seconds: 5, nanos: 0 }`.
 */
export function message<F extends Readonly<Record<string, unknown>>>(fields: F): MessageType<OutOf<F>, InOf<F>> {
  const entries = Object.entries(fields as unknown as Fields) as unknown as [string, Field<unknown>][];
  const byNumber = new Map(entries.map((entry) => [entry[1].number, entry]));
  const read = (reader: ProtobufReader): OutOf<F> => {
    const result: Record<string, unknown> = {};
    for (const [name, field] of entries) result[name] = field.initial();
    while (reader.next()) {
      const entry = byNumber.get(reader.field);
      if (entry === undefined) reader.skip();
      else result[entry[0]] = entry[1].read(reader, result[entry[0]]);
    }
    return result as OutOf<F>;
  };
  return {
    decode: (bytes) => {
      const reader = new ProtobufReader(bytes);
      const result = read(reader);
      const { fault, faultAt } = reader;
      if (fault === undefined) return result;
      throw new ProtobufError(
        'BAD_PROTOBUF',
        `not a protobuf message: it ${PROTOBUF_FAULTS[fault]}, at byte ${faultAt}`,
      );
    },
    read,
    encode: (value) => {
      const writer = new ProtobufWriter();
      for (const [name, field] of entries) {
        const member = (value as Record<string, unknown>)[name];
        if (member !== undefined) field.write(writer, member);
      }
      return writer.finish();
    },
  };
}

/** `uint32` and `uint64` up to 2^53 - 1. */
export function uint(number: number): Field<number> {
  return {
    number,
    initial: () => 0,
    read: (reader) => reader.uint(),
    write: (writer, value) => writer.int(number, value),
  };
}

/** `int32`, `int64` and enums. */
export function int(number: number): Field<number> {
  return { ...uint(number), read: (reader) => reader.int() };
}

/** `bool`. */
export function bool(number: number): Field<boolean> {
  return {
    number,
    initial: () => false,
    read: (reader) => reader.bool(),
    write: (writer, value) => writer.bool(number, value),
  };
}

const NO_BYTES = new Uint8Array(0);

/** `bytes`: decoded as a view of the message. */
export function bytes(number: number): Field<Uint8Array> {
  return {
    number,
    initial: () => NO_BYTES,
    read: (reader) => reader.view(),
    write: (writer, value) => writer.bytes(number, value),
  };
}

/** `string`. */
export function text(number: number): Field<string> {
  return {
    number,
    initial: () => '',
    read: (reader) => reader.text(),
    write: (writer, value) => writer.text(number, value),
  };
}

/** A message within the message; undefined if absent. */
export function nested<Out, In>(number: number, type: MessageType<Out, In>): Field<Out | undefined, In> {
  return {
    number,
    initial: () => undefined,
    read: (reader) => type.read(reader.message()),
    write: (writer, value) => writer.element(number, type.encode(value)),
  };
}

/** A repeated message. */
export function nestedList<Out, In>(number: number, type: MessageType<Out, In>): Field<Out[], readonly In[]> {
  return {
    number,
    initial: () => [],
    read: (reader, before) => {
      before.push(type.read(reader.message()));
      return before;
    },
    write: (writer, values) => {
      for (const value of values) writer.element(number, type.encode(value));
    },
  };
}

/** A repeated `string`. */
export function textList(number: number): Field<string[], readonly string[]> {
  return {
    number,
    initial: () => [],
    read: (reader, before) => {
      before.push(reader.text());
      return before;
    },
    write: (writer, values) => {
      for (const value of values) writer.element(number, value);
    },
  };
}

const Entry = message({ key: text(1), value: text(2) });

/** A `map` from strings to strings. */
export function textMap(number: number): Field<Map<string, string>, ReadonlyMap<string, string>> {
  return {
    number,
    initial: () => new Map<string, string>(),
    read: (reader, before) => {
      const { key, value } = Entry.read(reader.message());
      return before.set(key, value);
    },
    write: (writer, values) => {
      for (const [key, value] of values) writer.element(number, Entry.encode({ key, value }));
    },
  };
}
