/**
 * A request of HTTP/2 as the head of one of HTTP/1.1 (RFC 9113 section 8.3.1), which `RequestHead` then reads like any
 * other: one reader decides what both kinds of backends get, and what is refused.
 */
import { IN_VALUE, LOWER_TOKEN } from '../http1/characters.js';
import { HeadFault } from '../http1/head-fault.js';
import { MAX_HEAD, MAX_TARGET } from '../http1/request-head.js';

/** Fields that end at the next hop, and which HTTP/2 has no use for (RFC 9113 section 8.2.2). */
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
const PSEUDO = [':method', ':scheme', ':path', ':authority'] as const;
const COLON = 58;
const UPPER_A = 65;
const UPPER_Z = 90;

/** The head of one request at a time. */
export class Http2RequestText {
  /** The head, with its empty line; characters are bytes. Only after `None`. */
  text = '';
  /** Number of its field lines: a reader that counts others has been misled. */
  count = 0;
  method = '';
  path = '';
  /** As it was sent: with its port, in any case. */
  authority = '';
  /** Whether it asks for trailers, as gRPC does. */
  takesTrailers = false;
  readonly #pseudo: (string | undefined)[] = [];

  /**
   * Writes the head.
   * @param raw names and values in turn, as they were sent
   * @param endsStream whether no content follows
   */
  read(raw: readonly string[], endsStream: boolean): HeadFault {
    this.text = '';
    this.count = 1;
    this.method = '';
    this.path = '';
    this.authority = '';
    this.takesTrailers = false;
    this.#pseudo.length = 0;
    let host: string | undefined;
    let cookie: string | undefined;
    let hasLength = false;
    let lines = '';
    let at = this.#readPseudo(raw);
    if (at < 0) return HeadFault.BadRequestLine;
    for (; at < raw.length; at += 2) {
      const name = raw[at];
      const value = raw[at + 1];
      if (!isLowerToken(name)) return HeadFault.BadFieldName;
      if (!isValue(value)) return HeadFault.BadFieldValue;
      if (CONNECTION_SPECIFIC.has(name)) return HeadFault.ConnectionField;
      if (name === 'host') {
        if (host !== undefined) return HeadFault.BadHost;
        host = value;
      } else if (name === 'cookie') {
        // Crumbs of one field (RFC 9113 section 8.2.3).
        cookie = cookie === undefined ? value : `${cookie}; ${value}`;
      } else if (name === 'te') {
        if (value.toLowerCase() !== 'trailers') return HeadFault.ConnectionField;
        this.takesTrailers = true;
      } else {
        if (name === 'content-length') hasLength = true;
        lines += `${name}: ${value}\r\n`;
        this.count++;
      }
    }
    const fault = this.#readTarget(host);
    if (fault !== HeadFault.None) return fault;
    if (cookie !== undefined) {
      lines += `cookie: ${cookie}\r\n`;
      this.count++;
    }
    if (!endsStream && !hasLength) {
      lines += 'Transfer-Encoding: chunked\r\n';
      this.count++;
    }
    this.text = `${this.method} ${this.path} HTTP/1.1\r\nHost: ${this.authority}\r\n${lines}\r\n`;
    return this.text.length > MAX_HEAD ? HeadFault.LongHead : HeadFault.None;
  }

  /** Reads the fields that stand for the request line. @returns where the others begin, or -1 */
  #readPseudo(raw: readonly string[]): number {
    let at = 0;
    for (; at < raw.length && raw[at].charCodeAt(0) === COLON; at += 2) {
      const index = PSEUDO.indexOf(raw[at] as (typeof PSEUDO)[number]);
      if (index < 0 || this.#pseudo[index] !== undefined) return -1;
      this.#pseudo[index] = raw[at + 1];
    }
    return at;
  }

  #readTarget(host: string | undefined): HeadFault {
    const [method, scheme, path, authority] = this.#pseudo;
    if (method === undefined || !isToken(method)) return HeadFault.BadRequestLine;
    this.method = method;
    if (method === 'CONNECT') return HeadFault.BadMethod;
    if (scheme !== 'http' && scheme !== 'https') return HeadFault.BadRequestLine;
    if (path === undefined || !isPath(path, method)) return HeadFault.BadRequestLine;
    if (path.length > MAX_TARGET) return HeadFault.LongTarget;
    this.path = path;
    // Whoever routes by one and serves by the other would be misled.
    if (host !== undefined && authority !== undefined && host.toLowerCase() !== authority.toLowerCase()) {
      return HeadFault.BadHost;
    }
    const name = authority ?? host;
    if (name === undefined || name === '' || !isVisible(name)) return HeadFault.BadHost;
    this.authority = name;
    return HeadFault.None;
  }
}

/** Whether a name is a token without capitals (RFC 9113 section 8.2.1). */
export function isLowerToken(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 127 || LOWER_TOKEN[code] === 0 || (code >= UPPER_A && code <= UPPER_Z)) return false;
  }
  return name.length > 0;
}

/** Whether a value has no control characters, and only characters that are bytes. */
export function isValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (IN_VALUE[value.charCodeAt(i)] !== 1) return false;
  return true;
}

/** Whether a field may not be in messages of HTTP/2, since it is about a connection of HTTP/1. */
export function isConnectionSpecific(name: string): boolean {
  return CONNECTION_SPECIFIC.has(name);
}

function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127 || LOWER_TOKEN[code] === 0) return false;
  }
  return text.length > 0;
}

/** Whether there are only visible ASCII characters. */
function isVisible(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 32 || code >= 127) return false;
  }
  return true;
}

/** A path, or `*` for OPTIONS: never a URL, whose host would count in HTTP/1. */
function isPath(path: string, method: string): boolean {
  return isVisible(path) && (path.startsWith('/') || (path === '*' && method === 'OPTIONS'));
}
