/** The head of a request as a backend gets it (RFC 9110 section 7.6): without what ends here, and with who asked. */
import { STAR } from './characters.js';
import { Field } from './field-name.js';
import { isDropped } from './hop-by-hop.js';
import type { RequestHead } from './request-head.js';

/** Fields that say who asked. Those of a client that isn't trusted are dropped, since anyone can write them. */
export const FORWARDED =
  (1 << Field.XForwardedFor) |
  (1 << Field.XForwardedProto) |
  (1 << Field.XForwardedHost) |
  (1 << Field.XForwardedPort) |
  (1 << Field.Forwarded);

/** What a proxy adds to requests. */
export interface AddedFields {
  /** Lines for the end of the head, with their ends: `X-Forwarded-For: 192.0.2.1\r\n`. */
  readonly lines: string;
  /** Fields of the client that are dropped, as bits. */
  readonly dropped: number;
}

/** Another beginning of a request's path. */
export interface Rewrite {
  /** Characters of the path that it stands for. */
  readonly length: number;
  /** What stands there instead. */
  readonly text: string;
}

/**
 * The head of a request for a backend.
 * @param bytes what `head` was read from
 */
export function requestText(bytes: Buffer, head: RequestHead, added: AddedFields, rewrite?: Rewrite): string {
  const { fields, connection } = head;
  const isKept = !head.isAbsolute && rewrite === undefined && head.minor === 1;
  if (isKept && connection.dropped.length === 0 && !isDropped(fields.present, added.dropped)) {
    return bytes.toString('latin1', head.start, head.end - 2) + added.lines + END;
  }
  let text = `${bytes.toString('latin1', head.start, head.methodEnd)} ${targetText(bytes, head, rewrite)} HTTP/1.1\r\n`;
  if (head.isAbsolute || head.host === '') text += `Host: ${head.host}\r\n`;
  text += fields.textWithout(bytes, added.dropped | (head.isAbsolute ? 1 << Field.Host : 0), connection.dropped);
  return `${text}${head.isWebSocket ? UPGRADE : ''}${added.lines}${END}`;
}

const END = '\r\n';
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';

/** The target of a request for a backend: its path and query. */
export function targetText(bytes: Buffer, head: RequestHead, rewrite: Rewrite | undefined): string {
  const { pathStart, targetStart, targetEnd } = head;
  if (rewrite === undefined || bytes[targetStart] === STAR) {
    const text = bytes.toString('latin1', head.isAbsolute ? pathStart : targetStart, targetEnd);
    return text.startsWith('/') || text === '*' ? text : `/${text}`;
  }
  const rest = bytes.toString('latin1', pathStart + rewrite.length, targetEnd);
  const isDoubled = rewrite.text.endsWith('/') && rest.startsWith('/');
  const text = rewrite.text + (isDoubled ? rest.slice(1) : rest);
  return text.startsWith('/') ? text : `/${text}`;
}
