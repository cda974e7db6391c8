/** Messages for the tests of the DNS server, made and read by code that shares nothing with it. */
import { Buffer } from 'node:buffer';

const HEADER_LEN = 12;

/** Types by name. */
export const TYPES = { A: 1, NS: 2, CNAME: 5, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33, ANY: 255 } as const;

/** What a query may say besides its name. */
export interface QueryFields {
  readonly type?: keyof typeof TYPES;
  readonly id?: number;
  readonly flags?: number;
  readonly recordClass?: number;
  /** UDP size of an OPT record; without one if undefined. */
  readonly udpSize?: number;
}

/** A name on the wire. */
export function wireName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  const parts = labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')]));
  return Buffer.concat([...parts, Buffer.of(0)]);
}

/** 16-bit numbers on the wire. */
export function words(...values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >>> 8, value & 255]));
}

/** A query. */
export function queryOf(name: string, fields: QueryFields = {}): Buffer {
  const { type = 'A', id = 0x1234, flags = 0x0100, recordClass = 1, udpSize } = fields;
  const option = udpSize === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.of(0), words(41, udpSize, 0, 0, 0)]);
  const counts = words(id, flags, 1, 0, 0, udpSize === undefined ? 0 : 1);
  return Buffer.concat([counts, wireName(name), words(TYPES[type], recordClass), option]);
}

/** A record on the wire. */
export function recordOf(owner: Buffer, type: number, rdata: Buffer): Buffer {
  return Buffer.concat([owner, words(type, 1, 0, 60, rdata.length), rdata]);
}

/** An answer of an upstream server. */
export function answerTo(query: Buffer, flags: number, answers: readonly Buffer[] = []): Buffer {
  const question = query.subarray(HEADER_LEN);
  return Buffer.concat([query.subarray(0, 2), words(flags, 1, answers.length, 0, 0), question, ...answers]);
}

/** A record as read. */
export interface ReadRecord {
  readonly owner: string;
  readonly type: number;
  readonly recordClass: number;
  readonly ttl: number;
  readonly rdata: Buffer;
  /** Its bytes. */
  readonly bytes: string;
}

/** A message as read. */
export interface ReadMessage {
  readonly id: number;
  readonly flags: number;
  readonly counts: readonly number[];
  readonly records: readonly ReadRecord[];
  /** Header and questions. */
  readonly head: string;
}

function readName(bytes: Buffer, start: number): { name: string; next: number } {
  const labels: string[] = [];
  let at = start;
  let next: number | undefined;
  for (let size = bytes.readUInt8(at); size !== 0; size = bytes.readUInt8(at)) {
    if (size >= 0xc0) {
      next ??= at + 2;
      at = bytes.readUInt16BE(at) & 0x3fff;
    } else {
      labels.push(bytes.toString('latin1', at + 1, at + 1 + size));
      at += size + 1;
    }
  }
  return { name: labels.join('.'), next: next ?? at + 1 };
}

/** Reads a message; throws unless the records end where it does. */
export function readMessage(message: Uint8Array): ReadMessage {
  const bytes = Buffer.from(message);
  const counts = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  let at = HEADER_LEN;
  for (let i = 0; i < counts[0]; i++) at = readName(bytes, at).next + 4;
  const head = bytes.toString('hex', 0, at);
  const records: ReadRecord[] = [];
  for (let i = counts[1] + counts[2] + counts[3]; i > 0; i--) {
    const { name: owner, next } = readName(bytes, at);
    const rdataAt = next + 10;
    const end = rdataAt + bytes.readUInt16BE(next + 8);
    if (end > bytes.length) throw new RangeError('a record is cut short');
    records.push({
      owner,
      type: bytes.readUInt16BE(next),
      recordClass: bytes.readUInt16BE(next + 2),
      ttl: bytes.readUInt32BE(next + 4),
      rdata: bytes.subarray(rdataAt, end),
      bytes: bytes.toString('hex', at, end),
    });
    at = end;
  }
  if (at !== bytes.length) throw new RangeError('bytes after the message');
  return { id: bytes.readUInt16BE(0), flags: bytes.readUInt16BE(2), counts, records, head };
}

/** The IPv4 addresses of an answer, in order. */
export function addressesOf(message: Uint8Array): string[] {
  return readMessage(message)
    .records.filter(({ type }) => type === TYPES.A)
    .map(({ rdata }) => rdata.join('.'));
}
