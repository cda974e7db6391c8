import { DNS_HEADER_LEN, MAX_MESSAGE_LEN, read16, RECORD_FIXED_LEN, write16 } from './message.js';
import { NameReader } from './name.js';
import { RecordReader } from './record.js';

/** Names at higher offsets can't be pointed to. */
const MAX_POINTER = 0x3fff;
const SECTIONS = 3;

/** Called with each record of the answer section. */
export type AnswerVisitor = (record: RecordReader, message: Uint8Array) => void;

/**
 * Decodes a message and writes it again, as Docker does with everything that it forwards: flags and records stay the
 * same, names are compressed or not, counts are those of the records present, and bytes after the message are dropped.
 */
export class Recoder {
  /** Whether the last message could be read to its end. */
  complete = false;
  readonly #name = new NameReader();
  readonly #record = new RecordReader();
  #out = new Uint8Array(0);
  #length = 0;
  #known: Map<string, number> | undefined;

  /**
   * Writes a message again.
   * @param compress whether names point to earlier ones (RFC 1035, section 4.1.4), in the way of miekg/dns: the longest
   * suffix that was written before, in the same case
   * @returns the message up to the section with the first malformed record (see `complete`), or undefined if there is no header, the
   * question is malformed, or the result is longer than 65,535 bytes
   */
  recode(message: Uint8Array, compress: boolean, visit?: AnswerVisitor): Uint8Array<ArrayBuffer> | undefined {
    this.complete = false;
    if (message.length < DNS_HEADER_LEN) return undefined;
    this.#out = new Uint8Array(Math.min(MAX_MESSAGE_LEN, 2 * message.length + 512));
    this.#out.set(message.subarray(0, DNS_HEADER_LEN));
    this.#length = DNS_HEADER_LEN;
    this.#known = compress ? new Map() : undefined;
    const next = this.#questions(message);
    if (next === undefined || !this.#records(message, next, visit)) return undefined;
    return this.#out.slice(0, this.#length);
  }

  /** @returns the offset after the questions, or undefined */
  #questions(message: Uint8Array): number | undefined {
    let at = DNS_HEADER_LEN;
    let written = 0;
    for (const count = read16(message, 4); written < count && at < message.length; written++) {
      if (!this.#name.read(message, 0, at, message.length)) return undefined;
      at = this.#name.next;
      if (!this.#writeName(this.#name)) return undefined;
      // What is missing at the end of the message is 0.
      for (let i = 0; i < 2; i++) {
        if (at + 1 === message.length) return undefined;
        const value = at < message.length ? read16(message, at) : 0;
        at = Math.min(at + 2, message.length);
        if (!this.#reserve(2)) return undefined;
        write16(this.#out, this.#length, value);
        this.#length += 2;
      }
    }
    write16(this.#out, 4, written);
    return at;
  }

  #records(message: Uint8Array, from: number, visit: AnswerVisitor | undefined): boolean {
    const record = this.#record;
    let at = from;
    let intact = true;
    for (let section = 0; section < SECTIONS; section++) {
      const countAt = 6 + 2 * section;
      const start = this.#length;
      let written = 0;
      for (const count = read16(message, countAt); intact && written < count && at < message.length; written++) {
        intact = record.read(message, 0, at, message.length);
        if (!intact) {
          // miekg/dns drops the section with it.
          this.#length = start;
          written = 0;
          break;
        }
        if (!this.#writeRecord(message)) return false;
        if (section === 0) visit?.(record, message);
        at = record.next;
      }
      write16(this.#out, countAt, written);
    }
    this.complete = intact;
    return true;
  }

  #writeRecord(message: Uint8Array): boolean {
    const record = this.#record;
    if (!this.#writeName(record.owner) || !this.#copy(message, record.fixedAt, RECORD_FIXED_LEN)) return false;
    const start = this.#length;
    const { names, rdataAt } = record;
    let at = rdataAt;
    if (names > 0) {
      const namesAt = record.namesAt(message);
      if (!this.#copy(message, rdataAt, namesAt - rdataAt)) return false;
      at = namesAt;
      for (let i = 0; i < names; i++) {
        record.target.read(message, 0, at, record.next);
        at = record.target.next;
        if (!this.#writeName(record.target, record.compressed)) return false;
      }
    }
    if (!this.#copy(message, at, record.next - at)) return false;
    write16(this.#out, start - 2, this.#length - start);
    return true;
  }

  /** Writes a name, and remembers where its suffixes are. */
  #writeName({ bytes, length }: NameReader, compressed = true): boolean {
    if (!this.#reserve(length)) return false;
    const start = this.#length;
    const text = this.#known && String.fromCharCode(...bytes.subarray(0, length));
    let at = 0;
    while (bytes[at] !== 0) {
      if (text !== undefined) {
        const suffix = text.slice(at);
        const known = this.#known?.get(suffix);
        if (known !== undefined && compressed) {
          write16(this.#out, start + at, 0xc000 | known);
          this.#length = start + at + 2;
          return true;
        }
        if (known === undefined && start + at <= MAX_POINTER) this.#known?.set(suffix, start + at);
      }
      const size = bytes[at] + 1;
      this.#out.set(bytes.subarray(at, at + size), start + at);
      at += size;
    }
    this.#out[start + at] = 0;
    this.#length = start + at + 1;
    return true;
  }

  #copy(message: Uint8Array, at: number, length: number): boolean {
    if (!this.#reserve(length)) return false;
    this.#out.set(message.subarray(at, at + length), this.#length);
    this.#length += length;
    return true;
  }

  /** Makes room; false if the message would be too long. */
  #reserve(length: number): boolean {
    const needed = this.#length + length;
    if (needed > MAX_MESSAGE_LEN) return false;
    if (needed > this.#out.length) {
      const wider = new Uint8Array(Math.min(MAX_MESSAGE_LEN, 2 * needed));
      wider.set(this.#out);
      this.#out = wider;
    }
    return true;
  }
}
