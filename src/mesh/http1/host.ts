/** Hosts of requests: the part of the Host field, or of an absolute target, that decides about the route. */
import { COLON } from './characters.js';

/** Maximum number of characters of a host (RFC 1035 section 2.3.4), and of its port. */
const MAX_HOST = 255;
const MAX_PORT = 5;

const DOT = 46;
const DIGIT_0 = 48;
const DIGIT_9 = 57;
const UPPER_A = 65;
const UPPER_Z = 90;
const BRACKET = 91;
const BRACKET_END = 93;

/**
 * 1 if the byte may be in a registered name (RFC 3986 section 3.2.2). Percent-encoded bytes are left out: no name in use
 * has them, and servers disagree about them.
 */
const IN_NAME: Readonly<Uint8Array> = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[0-9A-Za-z._~!$&'()*+,;=-]/.test(String.fromCharCode(byte)) ? 1 : 0,
);
/** 1 if the byte may be in an IPv6 address. */
const IN_ADDRESS: Readonly<Uint8Array> = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[0-9A-Fa-f:.]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

/**
 * Reads a host, with or without a port: in lower case, without the port and the dot of the root.
 * @param start where it begins
 * @param end behind it
 * @param known one that was read before: if it is the same, it is returned, which is cheaper than another text
 * @returns undefined if it is no host
 */
export function readHost(bytes: Buffer, start: number, end: number, known = ''): string | undefined {
  let next = start;
  let hasUpper = false;
  if (bytes[start] === BRACKET) {
    next++;
    while (next < end && IN_ADDRESS[bytes[next]] === 1) next++;
    if (next === start + 1 || next === end || bytes[next] !== BRACKET_END) return undefined;
    next++;
  } else {
    while (next < end && IN_NAME[bytes[next]] === 1) {
      if (bytes[next] >= UPPER_A && bytes[next] <= UPPER_Z) hasUpper = true;
      next++;
    }
  }
  if (next === start || next - start > MAX_HOST) return undefined;
  if (next < end && !isPort(bytes, next, end)) return undefined;
  const nameEnd = bytes[next - 1] === DOT ? next - 1 : next;
  if (nameEnd === start) return undefined;
  if (isSame(bytes, start, nameEnd, known)) return known;
  const host = bytes.toString('latin1', start, nameEnd);
  return hasUpper || bytes[start] === BRACKET ? host.toLowerCase() : host;
}

function isSame(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Whether there is a colon, and a port or nothing after it. */
function isPort(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start] !== COLON || end - start - 1 > MAX_PORT) return false;
  for (let i = start + 1; i < end; i++) if (bytes[i] < DIGIT_0 || bytes[i] > DIGIT_9) return false;
  return true;
}
