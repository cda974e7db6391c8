/** The Cookie field (RFC 6265 section 4.2): the value of one cookie. */
import { SPACE, TAB } from './characters.js';
import type { FieldLines } from './field-lines.js';
import { Field } from './field-name.js';

const SEMICOLON = 59;
const EQUALS = 61;

/**
 * The value of a cookie in a head; that of the first one with this name, which is the most specific.
 * @param bytes what `fields` were read from
 * @param name is case-sensitive
 * @returns undefined if there is none
 */
export function cookieValue(bytes: Buffer, fields: FieldLines, name: string): string | undefined {
  if (!fields.has(Field.Cookie)) return undefined;
  for (let i = 0; i < fields.count; i++) {
    if (fields.field[i] !== Field.Cookie) continue;
    const value = valueIn(bytes, fields.valueStart[i], fields.valueEnd[i], name);
    if (value !== undefined) return value;
  }
  return undefined;
}

function valueIn(bytes: Buffer, start: number, end: number, name: string): string | undefined {
  for (let at = start; at < end;) {
    let next = at;
    while (next < end && bytes[next] !== SEMICOLON) next++;
    while (bytes[at] === SPACE || bytes[at] === TAB) at++;
    if (at + name.length < next && bytes[at + name.length] === EQUALS && begins(bytes, at, name)) {
      let last = next;
      while (bytes[last - 1] === SPACE || bytes[last - 1] === TAB) last--;
      return bytes.toString('latin1', at + name.length + 1, last);
    }
    at = next + 1;
  }
  return undefined;
}

function begins(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}
