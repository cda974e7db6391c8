import { type AddressSet } from './address-set.js';
import {
  CLASS_IN,
  DNS_HEADER_LEN,
  HeaderFlag,
  LOCAL_TTL,
  MAX_MESSAGE_LEN,
  MAX_UDP_PAYLOAD,
  OpCode,
  RECORD_FIXED_LEN,
  RecordType,
  ResponseCode,
  write16,
  write32,
} from './message.js';
import { DnsProfile } from './profile.js';
import { type Query, QueryVerdict } from './query.js';
import { type RandomOrder } from './random-order.js';

/** A pointer to the question's name, which is always at the same offset. */
const QUESTION_POINTER = 0xc000 | DNS_HEADER_LEN;
const POINTER_LEN = 2;
/** What a reply keeps of the flags of a query with opcode QUERY; of other opcodes it keeps nothing but the opcode. */
const REPLY_FLAGS = HeaderFlag.RecursionDesired | HeaderFlag.CheckingDisabled;
/** What the reply to a malformed query clears. */
const ERROR_CLEARS = HeaderFlag.Authoritative | HeaderFlag.Zero | HeaderFlag.ResponseCode;

/** Writes the server's own answers. */
export class AnswerWriter {
  readonly #isCurrent: boolean;
  readonly #random: RandomOrder;

  constructor(profile: DnsProfile, random: RandomOrder) {
    this.#isCurrent = profile === DnsProfile.Current;
    this.#random = random;
  }

  /**
   * Writes the reply to a query that isn't looked at: the header, with the question if it could be read.
   * @param verdict NotImplemented or FormatError
   * @returns the length, or 0 if `out` has no room
   */
  reject(query: Query, verdict: QueryVerdict, out: Uint8Array, at: number): number {
    const kept = query.flags & ~ERROR_CLEARS;
    const flags =
      verdict === QueryVerdict.NotImplemented
        ? kept | ResponseCode.NotImplemented
        : (kept & ~HeaderFlag.OpCode) | ResponseCode.FormatError;
    return this.#head(query, flags | HeaderFlag.Response, out, at, out.length - at);
  }

  /** Writes a failure of the server's own: RA is 0. @returns the length, or 0 if `out` has no room */
  fail(query: Query, code: number, out: Uint8Array, at: number): number {
    return this.#head(query, replyFlags(query) | code, out, at, out.length - at);
  }

  /** Writes an answer without records. @returns the length, or 0 if it doesn't fit */
  empty(query: Query, limit: number, out: Uint8Array, at: number): number {
    return this.#head(query, replyFlags(query) | HeaderFlag.RecursionAvailable, out, at, limit);
  }

  /**
   * Writes the name of an address.
   * @param target on the wire, root label included
   * @returns the length, or 0 if it doesn't fit
   */
  pointer(query: Query, target: Uint8Array, limit: number, out: Uint8Array, at: number): number {
    const head = this.empty(query, limit, out, at);
    const { nameLength } = query;
    const length = head + nameLength + RECORD_FIXED_LEN + target.length;
    if (head === 0 || length > limit) return 0;
    const fixed = this.#owner(query, out, at + head);
    writeFixed(out, fixed, RecordType.Ptr, target.length);
    out.set(target, fixed + RECORD_FIXED_LEN);
    write16(out, at + 6, 1);
    return length;
  }

  /**
   * Writes addresses, in random order.
   * @param limit most bytes of the message
   * @param isTcp profile 20.10 never sets TC over TCP
   * @returns the length, or 0 if the question alone doesn't fit
   */
  addresses(query: Query, set: AddressSet, limit: number, isTcp: boolean, out: Uint8Array, at: number): number {
    const head = this.empty(query, limit, out, at);
    if (head === 0) return 0;
    const { count, words, size } = set;
    const room = limit - head;
    const rdata = 4 * size;
    let ownerLength = query.nameLength;
    let written = Math.min(count, Math.floor(room / (ownerLength + RECORD_FIXED_LEN + rdata)));
    if (written < count) {
      if (this.#isCurrent) {
        ownerLength = POINTER_LEN;
        written = Math.min(count, Math.floor(room / (ownerLength + RECORD_FIXED_LEN + rdata)));
      }
      if (written < count && (this.#isCurrent || !isTcp)) out[at + 2] |= HeaderFlag.Truncated >>> 8;
    }
    if (count > 1) set.shuffle(written, this.#random);
    const type = size === 1 ? RecordType.A : RecordType.Aaaa;
    let to = at + head;
    for (let i = 0; i < written; i++) {
      if (ownerLength === POINTER_LEN) {
        write16(out, to, QUESTION_POINTER);
        to += POINTER_LEN;
      } else {
        to = this.#owner(query, out, to);
      }
      writeFixed(out, to, type, rdata);
      to += RECORD_FIXED_LEN;
      for (let word = 0; word < size; word++, to += 4) write32(out, to, words[i * size + word]);
    }
    write16(out, at + 6, written);
    return to - at;
  }

  /** Writes header and question. @returns their length, or 0 if they don't fit */
  #head(query: Query, flags: number, out: Uint8Array, at: number, limit: number): number {
    const length = DNS_HEADER_LEN + query.questions * (query.nameLength + 4);
    if (length > limit) return 0;
    write16(out, at, query.id);
    write16(out, at + 2, flags);
    write16(out, at + 4, query.questions);
    write16(out, at + 6, 0);
    write16(out, at + 8, 0);
    write16(out, at + 10, 0);
    if (query.questions === 0) return length;
    const to = this.#owner(query, out, at + DNS_HEADER_LEN);
    write16(out, to, query.type);
    write16(out, to + 2, query.recordClass);
    return length;
  }

  /** Writes the question's name, as it was asked. @returns the offset after it */
  #owner(query: Query, out: Uint8Array, at: number): number {
    const name = query.name;
    const length = query.nameLength;
    for (let i = 0; i < length; i++) out[at + i] = name[i];
    return at + length;
  }
}

function replyFlags({ flags }: Query): number {
  const opCode = flags & HeaderFlag.OpCode;
  return HeaderFlag.Response | opCode | (opCode === OpCode.Query ? flags & REPLY_FLAGS : 0);
}

/** Writes type, class, TTL and RDLENGTH. The class is IN whatever the question's. */
function writeFixed(out: Uint8Array, at: number, type: number, rdata: number): void {
  write16(out, at, type);
  write16(out, at + 2, CLASS_IN);
  write32(out, at + 4, LOCAL_TTL);
  write16(out, at + 8, rdata);
}

/** Most bytes of an answer of the server's own. */
export function answerLimit(query: Query, isTcp: boolean, profile: DnsProfile): number {
  // A client may say that it takes more than a datagram can carry.
  if (!isTcp) return Math.min(query.udpSize, MAX_UDP_PAYLOAD);
  return profile === DnsProfile.Current ? MAX_MESSAGE_LEN : MAX_MESSAGE_LEN - 1;
}
