/** Where a head ends: behind its empty line. */
import { MAX_HEAD } from './request-head.js';

/** Empty lines before a request: clients send one (RFC 9112 section 2.2), and each is looked at again for each piece. */
const MAX_EMPTY_LINES = 8;
const CR = 13;
const LF = 10;
/** Bytes of the empty line with the end of the line before it. */
const EMPTY_LINE = 4;

/** The head isn't complete. */
export const INCOMPLETE = -1;
/** It is longer than any head may be. */
export const TOO_LONG = -2;

/**
 * Finds the end of a head.
 * @param start where it begins
 * @param from from where to look: what was looked through before needs no other look
 * @returns the offset behind its empty line; `INCOMPLETE` or `TOO_LONG`
 */
export function headEnd(bytes: Buffer, start: number, from: number): number {
  let begin = start;
  const last = start + 2 * MAX_EMPTY_LINES;
  // Empty lines before a request are no end of it.
  while (begin < last && bytes[begin] === CR && bytes[begin + 1] === LF) begin += 2;
  const limit = Math.min(bytes.length, start + MAX_HEAD);
  const end = behindEmptyLine(bytes, Math.max(begin, from - EMPTY_LINE + 1), limit);
  if (end >= 0) return end;
  return bytes.length - start > MAX_HEAD ? TOO_LONG : INCOMPLETE;
}

/**
 * Behind the first CR LF CR LF, or -1. Looks at every fourth byte, which costs less than `Buffer.indexOf` for the few
 * hundred bytes of a head.
 */
function behindEmptyLine(bytes: Uint8Array, from: number, limit: number): number {
  let at = from + EMPTY_LINE - 1;
  while (at < limit) {
    const byte = bytes[at];
    if (byte > CR) at += EMPTY_LINE;
    else if (byte === CR) at++;
    else if (byte !== LF) at += EMPTY_LINE;
    else if (bytes[at - 1] === CR && bytes[at - 2] === LF && bytes[at - 3] === CR) return at + 1;
    else at += 2;
  }
  return -1;
}
