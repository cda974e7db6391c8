import { DNS_HEADER_LEN, HeaderFlag, MAX_NAME_LEN, MIN_UDP_PAYLOAD, OpCode, read16, RecordType } from './message.js';
import { NameReader } from './name.js';
import { RecordReader } from './record.js';

/** What a server does with a message before it looks at the question. */
export const QueryVerdict = {
  /** A query to answer. */
  Accept: 0,
  /** Too short, a response, or a header without a question: no reply. */
  Ignore: 1,
  /** An opcode other than QUERY and NOTIFY. */
  NotImplemented: 2,
  /** Wrong counts, or a malformed question or record. */
  FormatError: 3,
} as const;
export type QueryVerdict = (typeof QueryVerdict)[keyof typeof QueryVerdict];

const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
const LOWER_BIT = 0x20;
const MAX_LABELS = 128;

/** A query, read in place. */
export class Query {
  /** Bytes of the message, as given. */
  bytes = new Uint8Array(0);
  at = 0;
  end = 0;
  id = 0;
  flags = 0;
  /** Number of questions that could be read: 0 or 1. */
  questions = 0;
  type = 0;
  recordClass = 0;
  /** Payload that the client takes over UDP, by its OPT record: at least 512. */
  udpSize = MIN_UDP_PAYLOAD;
  /** Whether the query has an OPT record. */
  hasOpt = false;
  /** The question's name in lower case. */
  readonly lower = new Uint8Array(MAX_NAME_LEN);
  /** Offset of each label in the name. */
  readonly labelStarts = new Uint8Array(MAX_LABELS);
  labels = 0;
  readonly #name = new NameReader();
  readonly #record = new RecordReader();

  /** The question's name as it was asked, uncompressed. */
  get name(): Uint8Array {
    return this.#name.bytes;
  }

  /** Bytes of the name, root label included. */
  get nameLength(): number {
    return this.#name.length;
  }

  /** Reads a message. The rules are those of the library that Docker uses (miekg/dns). */
  read(bytes: Uint8Array, at: number, length: number): QueryVerdict {
    const end = at + length;
    this.bytes = bytes as Uint8Array<ArrayBuffer>;
    this.at = at;
    this.end = end;
    this.questions = 0;
    this.udpSize = MIN_UDP_PAYLOAD;
    this.hasOpt = false;
    if (length < DNS_HEADER_LEN) return QueryVerdict.Ignore;
    this.id = read16(bytes, at);
    this.flags = read16(bytes, at + 2);
    if ((this.flags & HeaderFlag.Response) !== 0) return QueryVerdict.Ignore;
    const opCode = this.flags & HeaderFlag.OpCode;
    if (opCode !== OpCode.Query && opCode !== OpCode.Notify) return QueryVerdict.NotImplemented;
    const answers = read16(bytes, at + 6);
    const authorities = read16(bytes, at + 8);
    const additional = read16(bytes, at + 10);
    if (read16(bytes, at + 4) !== 1 || answers > 1 || authorities > 1 || additional > 2)
      return QueryVerdict.FormatError;
    if (length === DNS_HEADER_LEN) return QueryVerdict.Ignore;
    const records = this.#readQuestion(bytes, at, end);
    if (records === 0) return QueryVerdict.FormatError;
    return this.#readRecords(records, answers + authorities, additional);
  }

  /** @returns the offset after the question, or 0 if it is malformed */
  #readQuestion(bytes: Uint8Array, at: number, end: number): number {
    const name = this.#name;
    if (!name.read(bytes, at, at + DNS_HEADER_LEN, end)) return 0;
    let next = name.next;
    this.type = 0;
    this.recordClass = 0;
    // A message may end after the name or the type; what is missing is then 0.
    if (next < end) {
      if (next + 2 > end) return 0;
      this.type = read16(bytes, next);
      next += 2;
    }
    if (next < end) {
      if (next + 2 > end) return 0;
      this.recordClass = read16(bytes, next);
      next += 2;
    }
    this.questions = 1;
    this.#fold();
    return next;
  }

  #fold(): void {
    const { lower, labelStarts } = this;
    const { bytes, length } = this.#name;
    let labels = 0;
    for (let at = 0; at < length - 1;) {
      labelStarts[labels++] = at;
      const size = bytes[at];
      lower[at] = size;
      for (let i = at + 1; i <= at + size; i++) {
        const byte = bytes[i];
        lower[i] = byte >= UPPER_A && byte <= UPPER_Z ? byte | LOWER_BIT : byte;
      }
      at += size + 1;
    }
    lower[length - 1] = 0;
    this.labels = labels;
  }

  /** Checks the records after the question; the message may end before all of them. */
  #readRecords(from: number, skipped: number, additional: number): QueryVerdict {
    const record = this.#record;
    let at = from;
    for (let i = 0; i < skipped + additional && at < this.end; i++) {
      if (!record.read(this.bytes, this.at, at, this.end)) return QueryVerdict.FormatError;
      if (i >= skipped && record.type === RecordType.Opt) {
        this.hasOpt = true;
        this.udpSize = Math.max(MIN_UDP_PAYLOAD, record.recordClass);
      }
      at = record.next;
    }
    return QueryVerdict.Accept;
  }
}
