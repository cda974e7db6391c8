/** A request for a backend that speaks HTTP/2 (RFC 9113 section 8.3.1): the same as `requestText` writes for HTTP/1. */
import { Field } from '../http1/field-name.js';
import type { RequestHead } from '../http1/request-head.js';
import { type AddedFields, type Rewrite, targetText } from '../http1/request-text.js';
import { addFieldLines, addLines, type Http2Fields, noFields } from './fields.js';

/**
 * The fields of a request for a backend.
 * @param bytes what `head` was read from
 * @param takesTrailers whether the client asks for trailers
 */
export function requestFields(
  bytes: Buffer,
  head: RequestHead,
  added: AddedFields,
  takesTrailers: boolean,
  rewrite?: Rewrite,
): Http2Fields {
  const { fields, connection } = head;
  const out = noFields();
  out[':method'] = bytes.toString('latin1', head.start, head.methodEnd);
  out[':scheme'] = 'http';
  out[':authority'] = authorityOf(bytes, head);
  out[':path'] = targetText(bytes, head, rewrite);
  addFieldLines(out, bytes, fields, added.dropped, connection.dropped);
  if (takesTrailers) out['te'] = 'trailers';
  addLines(out, added.lines);
  return out;
}

/** The host as it was sent, with its port. */
function authorityOf(bytes: Buffer, head: RequestHead): string {
  const { fields } = head;
  const i = head.isAbsolute ? -1 : fields.indexOf(Field.Host);
  return i < 0 ? head.host : bytes.toString('latin1', fields.valueStart[i], fields.valueEnd[i]);
}
