/** The Keep-Alive field (RFC 2068 section 19.7.1.1): for how long a server leaves an idle connection open. */
import { COMMA, SPACE, TAB } from './characters.js';
import type { FieldLines } from './field-lines.js';
import { Field } from './field-name.js';
import { isText, NO_LENGTH, readLength } from './field-values.js';

const EQUALS = 61;
const TIMEOUT = 'timeout';

/**
 * The parameter `timeout` of a response, in seconds.
 * @param bytes what `fields` were read from
 * @returns `NO_LENGTH` if there is none
 */
export function keepAliveTimeout(bytes: Buffer, fields: FieldLines): number {
  const index = fields.indexOf(Field.KeepAlive);
  if (index < 0) return NO_LENGTH;
  const last = fields.valueEnd[index];
  for (let at = fields.valueStart[index]; at < last;) {
    while (at < last && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
    let end = at;
    while (end < last && bytes[end] !== COMMA) end++;
    const equals = at + TIMEOUT.length;
    if (equals < end && bytes[equals] === EQUALS && isText(bytes, at, equals, TIMEOUT)) {
      return Math.max(NO_LENGTH, readLength(bytes, equals + 1, end));
    }
    at = end + 1;
  }
  return NO_LENGTH;
}
