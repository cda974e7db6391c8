/** The head of a response, read as strictly as that of a request (RFC 9112 section 4). */
import { CR, IN_VALUE, LF, SLASH, SPACE } from './characters.js';
import { ConnectionOptions } from './connection-options.js';
import { FieldLines } from './field-lines.js';
import { Field } from './field-name.js';
import { HeadFault } from './head-fault.js';
import { MessageEnd } from './message-end.js';

const DIGIT_0 = 48;
const HUNDRED = 100;
const TEN = 10;
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;
const SUCCESSFUL = 200;
/** 101. */
export const SWITCHING_PROTOCOLS = 101;
/** Where the status is in `HTTP/1.1 200 OK`. */
const STATUS_AT = 9;

/** The head of one response at a time. Offsets are into the bytes that were read. */
export class ResponseHead {
  readonly fields = new FieldLines();
  readonly connection = new ConnectionOptions();
  readonly content = new MessageEnd();
  status = 0;
  /** 0 or 1, of HTTP/1.x. */
  minor = 1;
  /** Where the head begins. */
  start = 0;
  /** Where the first field begins. */
  fieldsStart = 0;
  /** Behind the empty line. */
  end = 0;
  /** Whether the server leaves the connection open. */
  keepsAlive = true;

  /**
   * Reads a head.
   * @param at where it begins
   * @param end behind its empty line
   */
  read(bytes: Buffer, at: number, end: number): HeadFault {
    this.start = at;
    this.end = end;
    const line = this.#readLine(bytes, at, end);
    if (line !== HeadFault.None) return line;
    const { fields, connection, content } = this;
    const lines = fields.read(bytes, this.fieldsStart, end - 2);
    if (lines !== HeadFault.None) return lines;
    const length = content.read(bytes, fields, this.minor);
    if (length !== HeadFault.None) return length;
    const options = connection.read(bytes, fields);
    if (options !== HeadFault.None) return options;
    this.keepsAlive = this.minor === 1 ? !connection.hasClose : connection.hasKeepAlive && !connection.hasClose;
    // A length or a coding where there can't be content: servers disagree about what follows (RFC 9112 section 6.3).
    const isBare = this.status < SUCCESSFUL || this.status === NO_CONTENT;
    if (isBare && (fields.has(Field.TransferEncoding) || content.length > 0)) return HeadFault.LengthAndCoding;
    return HeadFault.None;
  }

  /** Whether it is an answer before the final one: 1xx, except 101. */
  get isInterim(): boolean {
    return this.status < SUCCESSFUL && this.status !== SWITCHING_PROTOCOLS;
  }

  /**
   * Whether content follows.
   * @param isHead whether it answers HEAD
   */
  hasContent(isHead: boolean): boolean {
    const { status, content } = this;
    if (isHead || status < SUCCESSFUL || status === NO_CONTENT || status === NOT_MODIFIED) return false;
    return content.isChunked || content.length !== 0;
  }

  #readLine(bytes: Buffer, at: number, end: number): HeadFault {
    const isHttp =
      bytes[at] === 0x48 &&
      bytes[at + 1] === 0x54 &&
      bytes[at + 2] === 0x54 &&
      bytes[at + 3] === 0x50 &&
      bytes[at + 4] === SLASH;
    const minor = bytes[at + 7] - DIGIT_0;
    if (!isHttp || bytes[at + 5] !== DIGIT_0 + 1 || bytes[at + 6] !== 0x2e) return HeadFault.BadStatusLine;
    if (minor !== 0 && minor !== 1) return HeadFault.BadVersion;
    this.minor = minor;
    if (bytes[at + STATUS_AT - 1] !== SPACE) return HeadFault.BadStatusLine;
    const status = digits(bytes, at + STATUS_AT);
    if (status < HUNDRED) return HeadFault.BadStatusLine;
    this.status = status;
    let next = at + STATUS_AT + 3;
    // Servers leave out the space with the reason.
    if (bytes[next] !== SPACE && bytes[next] !== CR) return HeadFault.BadStatusLine;
    while (next < end && IN_VALUE[bytes[next]] === 1) next++;
    if (bytes[next] !== CR || bytes[next + 1] !== LF) return HeadFault.BadLineEnd;
    this.fieldsStart = next + 2;
    return HeadFault.None;
  }
}

/** Three digits, or -1. */
function digits(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 3; i++) {
    const digit = bytes[i] - DIGIT_0;
    if (digit < 0 || digit >= TEN) return -1;
    value = value * TEN + digit;
  }
  return value;
}
