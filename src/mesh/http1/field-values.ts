/** The values of fields that decide where a message ends, and what happens to its connection. */
import { COMMA, LOWER_TOKEN, SPACE, TAB } from './characters.js';

/** There is no Content-Length. */
export const NO_LENGTH = -1;
/** A Content-Length that is no number, or one too large to count. */
export const BAD_LENGTH = -2;

const DIGIT_0 = 48;
const TEN = 10;
const CASE_BIT = 32;

/** Reads a Content-Length: digits alone, neither signs nor lists (RFC 9110 section 8.6). */
export function readLength(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return BAD_LENGTH;
  let length = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i] - DIGIT_0;
    if (digit < 0 || digit >= TEN) return BAD_LENGTH;
    length = length * TEN + digit;
    if (length > Number.MAX_SAFE_INTEGER) return BAD_LENGTH;
  }
  return length;
}

/**
 * Whether a value is exactly this text.
 * @param text of letters, digits and `-`, in lower case
 */
export function isText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if ((bytes[start + i] | CASE_BIT) !== text.charCodeAt(i)) return false;
  return true;
}

/** Steps through the members of a list of tokens (RFC 9110 section 5.6.1). Empty members don't count. */
export class TokenList {
  start = 0;
  end = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #next = 0;
  #last = 0;
  /** Whether something was no token. */
  isBad = false;

  /** Starts with another value. */
  begin(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#next = start;
    this.#last = end;
    this.isBad = false;
  }

  /** Goes to the next member; false at the end, and at anything but a token. */
  next(): boolean {
    const bytes = this.#bytes;
    const last = this.#last;
    let at = this.#next;
    while (at < last && (bytes[at] === COMMA || bytes[at] === SPACE || bytes[at] === TAB)) at++;
    this.start = at;
    while (at < last && LOWER_TOKEN[bytes[at]] !== 0) at++;
    this.end = at;
    while (at < last && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
    this.#next = at;
    if (at < last && bytes[at] !== COMMA) {
      this.isBad = true;
      return false;
    }
    return this.end > this.start;
  }
}
