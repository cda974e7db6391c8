/** The Via field (RFC 9110 section 7.6.3): whether a request has been here before. */
import { COMMA, SPACE, TAB } from './characters.js';
import type { FieldLines } from './field-lines.js';
import { Field } from './field-name.js';

const PARENTHESIS = 40;
const PARENTHESIS_END = 41;
const BACKSLASH = 92;

/**
 * Whether a member of the Via fields was received by someone.
 * @param bytes what `fields` were read from
 * @param pseudonym whom: compared as it is written
 */
export function isVia(bytes: Buffer, fields: FieldLines, pseudonym: string): boolean {
  if (!fields.has(Field.Via)) return false;
  for (let i = 0; i < fields.count; i++) {
    if (fields.field[i] === Field.Via && hasMember(bytes, fields.valueStart[i], fields.valueEnd[i], pseudonym))
      return true;
  }
  return false;
}

/** A member is a protocol, who received it, and perhaps a comment, which may have commas. */
function hasMember(bytes: Buffer, start: number, end: number, pseudonym: string): boolean {
  let at = start;
  while (at < end) {
    at = spaces(bytes, at, end);
    at = word(bytes, at, end);
    at = spaces(bytes, at, end);
    const begin = at;
    at = word(bytes, at, end);
    if (at - begin === pseudonym.length && bytes.toString('latin1', begin, at) === pseudonym) return true;
    at = memberEnd(bytes, at, end) + 1;
  }
  return false;
}

function spaces(bytes: Uint8Array, at: number, end: number): number {
  let next = at;
  while (next < end && (bytes[next] === SPACE || bytes[next] === TAB)) next++;
  return next;
}

function word(bytes: Uint8Array, at: number, end: number): number {
  let next = at;
  while (next < end && bytes[next] !== SPACE && bytes[next] !== TAB && bytes[next] !== COMMA) next++;
  return next;
}

/** The comma behind a member, or the end. */
function memberEnd(bytes: Uint8Array, at: number, end: number): number {
  let depth = 0;
  let next = at;
  for (; next < end; next++) {
    const byte = bytes[next];
    if (depth > 0 && byte === BACKSLASH) next++;
    else if (byte === PARENTHESIS) depth++;
    else if (byte === PARENTHESIS_END && depth > 0) depth--;
    else if (byte === COMMA && depth === 0) return next;
  }
  return end;
}
