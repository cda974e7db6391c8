/** The head of a request, read in place and strictly: what two servers could read differently is refused (RFC 9112). */
import { COLON, CR, IN_TARGET, LF, LOWER_TOKEN, SLASH, SPACE, STAR } from './characters.js';
import { ConnectionOptions } from './connection-options.js';
import { FieldLines } from './field-lines.js';
import { Field } from './field-name.js';
import { isText } from './field-values.js';
import { HeadFault } from './head-fault.js';
import { readHost } from './host.js';
import { MessageEnd } from './message-end.js';
import { Method, methodOf } from './method.js';

/** Maximum number of bytes of a head, with its empty line. */
export const MAX_HEAD = 32_768;
/** Maximum number of bytes of a target. */
export const MAX_TARGET = 8192;
const MAX_METHOD = 32;
const QUESTION = 63;
const DIGIT_0 = 48;
/** Bytes of `HTTP/1.1`. */
const VERSION_LENGTH = 8;

/** The head of one request at a time. Offsets are into the bytes that were read. */
export class RequestHead {
  readonly fields = new FieldLines();
  readonly connection = new ConnectionOptions();
  readonly content = new MessageEnd();
  method: Method = Method.Other;
  /** Where the head begins: behind empty lines. */
  start = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** Where the path begins: behind the authority of a target in absolute form. Equal to `targetEnd` if there is none. */
  pathStart = 0;
  /** Where the path ends: before the query. */
  pathEnd = 0;
  /** Where the first field begins. */
  fieldsStart = 0;
  /** Behind the empty line. */
  end = 0;
  /** 0 or 1, of HTTP/1.x. */
  minor = 1;
  /** Host of the request, in lower case, without port; empty if a client of HTTP/1.0 sent none. */
  host = '';
  /** Whether the target is in absolute form. */
  isAbsolute = false;
  /** Whether the client wants the connection to stay. */
  keepsAlive = true;
  /** Whether the client waits for 100 before it sends the content (RFC 9110 section 10.1.1). */
  expectsContinue = false;
  /** Whether the connection is to become one of WebSocket (RFC 6455 section 4.1), which is passed on. */
  isWebSocket = false;

  /**
   * Reads a head.
   * @param at where it begins
   * @param end behind its empty line
   */
  read(bytes: Buffer, at: number, end: number): HeadFault {
    this.end = end;
    const line = this.#readLine(bytes, at, end);
    if (line !== HeadFault.None) return line;
    const { fields, connection, content } = this;
    const lines = fields.read(bytes, this.fieldsStart, end - 2);
    if (lines !== HeadFault.None) return lines;
    const host = this.#readHost(bytes);
    if (host !== HeadFault.None) return host;
    const length = content.read(bytes, fields, this.minor);
    if (length !== HeadFault.None) return length;
    const options = connection.read(bytes, fields);
    if (options !== HeadFault.None) return options;
    this.keepsAlive = this.minor === 1 ? !connection.hasClose : connection.hasKeepAlive && !connection.hasClose;
    return this.#readIntents(bytes);
  }

  /** Whether there is content. */
  get hasContent(): boolean {
    return this.content.isChunked || this.content.length > 0;
  }

  #readLine(bytes: Buffer, at: number, end: number): HeadFault {
    let next = at;
    // A client may send an empty line after the content before (RFC 9112 section 2.2).
    while (bytes[next] === CR && bytes[next + 1] === LF) next += 2;
    const start = next;
    while (next < end && LOWER_TOKEN[bytes[next]] !== 0) next++;
    if (next === start || next - start > MAX_METHOD || bytes[next] !== SPACE) return HeadFault.BadRequestLine;
    this.start = start;
    this.methodEnd = next;
    this.method = methodOf(bytes, start, next);
    const targetStart = ++next;
    while (next < end && IN_TARGET[bytes[next]] === 1) next++;
    if (next - targetStart > MAX_TARGET) return HeadFault.LongTarget;
    if (next === targetStart || bytes[next] !== SPACE) return HeadFault.BadRequestLine;
    this.targetStart = targetStart;
    this.targetEnd = next++;
    const version = this.#readVersion(bytes, next);
    if (version !== HeadFault.None) return version;
    next += VERSION_LENGTH;
    if (bytes[next] !== CR || bytes[next + 1] !== LF) {
      return bytes[next] === LF ? HeadFault.BadLineEnd : HeadFault.BadRequestLine;
    }
    this.fieldsStart = next + 2;
    return HeadFault.None;
  }

  #readVersion(bytes: Buffer, at: number): HeadFault {
    // "HTTP/", a digit, ".", a digit.
    const isHttp =
      bytes[at] === 0x48 &&
      bytes[at + 1] === 0x54 &&
      bytes[at + 2] === 0x54 &&
      bytes[at + 3] === 0x50 &&
      bytes[at + 4] === SLASH;
    const major = bytes[at + 5] - DIGIT_0;
    const minor = bytes[at + 7] - DIGIT_0;
    if (!isHttp || bytes[at + 6] !== 0x2e || major < 0 || major > 9 || minor < 0 || minor > 9) {
      return HeadFault.BadRequestLine;
    }
    if (major !== 1 || minor > 1) return HeadFault.BadVersion;
    this.minor = minor;
    return HeadFault.None;
  }

  /** Reads the target's form and the host: that of an absolute target counts (RFC 9112 section 3.2.2). */
  #readHost(bytes: Buffer): HeadFault {
    const { fields, targetStart, targetEnd } = this;
    this.isAbsolute = false;
    this.pathStart = targetStart;
    if (fields.repeats(Field.Host)) return HeadFault.BadHost;
    const index = fields.indexOf(Field.Host);
    if (index < 0) {
      if (this.minor === 1) return HeadFault.BadHost;
      this.host = '';
    } else {
      const host = readHost(bytes, fields.valueStart[index], fields.valueEnd[index], this.host);
      if (host === undefined) return HeadFault.BadHost;
      this.host = host;
    }
    const first = bytes[targetStart];
    if (this.method === Method.Connect) return HeadFault.BadMethod;
    if (first === STAR) {
      this.pathStart = targetEnd;
      this.pathEnd = targetEnd;
      return this.method === Method.Options && targetEnd === targetStart + 1
        ? HeadFault.None
        : HeadFault.BadRequestLine;
    }
    if (first !== SLASH) {
      const absolute = this.#readAbsolute(bytes);
      if (absolute !== HeadFault.None) return absolute;
    }
    let end = this.pathStart;
    while (end < targetEnd && bytes[end] !== QUESTION) end++;
    this.pathEnd = end;
    return HeadFault.None;
  }

  #readAbsolute(bytes: Buffer): HeadFault {
    const { targetStart, targetEnd } = this;
    let at = targetStart;
    while (at < targetEnd && bytes[at] !== COLON) at++;
    const isHttp = isText(bytes, targetStart, at, 'http') || isText(bytes, targetStart, at, 'https');
    if (!isHttp || bytes[at + 1] !== SLASH || bytes[at + 2] !== SLASH) return HeadFault.BadRequestLine;
    const start = at + 3;
    let end = start;
    while (end < targetEnd && bytes[end] !== SLASH && bytes[end] !== QUESTION) end++;
    const host = readHost(bytes, start, end);
    if (host === undefined) return HeadFault.BadHost;
    this.host = host;
    this.isAbsolute = true;
    this.pathStart = end;
    return HeadFault.None;
  }

  #readIntents(bytes: Buffer): HeadFault {
    const { fields, connection } = this;
    this.expectsContinue = false;
    this.isWebSocket = false;
    if (fields.has(Field.Expect)) {
      const i = fields.indexOf(Field.Expect);
      const isContinue = isText(bytes, fields.valueStart[i], fields.valueEnd[i], '100-continue');
      if (!isContinue || fields.repeats(Field.Expect)) return HeadFault.BadExpectation;
      this.expectsContinue = this.minor === 1;
    }
    if (fields.has(Field.Upgrade) && connection.hasUpgrade && this.minor === 1 && !fields.repeats(Field.Upgrade)) {
      const i = fields.indexOf(Field.Upgrade);
      this.isWebSocket =
        this.method === Method.Get &&
        !this.hasContent &&
        isText(bytes, fields.valueStart[i], fields.valueEnd[i], 'websocket');
    }
    return HeadFault.None;
  }
}
