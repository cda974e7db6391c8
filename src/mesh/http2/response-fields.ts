/** A response of HTTP/1 as one of HTTP/2, and the reverse (RFC 9113 section 8.3.2). */
import { STATUS_CODES } from 'node:http';
import { Field } from '../http1/field-name.js';
import type { ResponseHead } from '../http1/response-head.js';
import { addFieldLines, addRaw, type Http2Fields, noFields } from './fields.js';

const TRAILER = 1 << Field.Trailer;

/**
 * The fields of a response for a client of HTTP/2.
 * @param bytes what `head` was read from
 */
export function responseFields(bytes: Buffer, head: ResponseHead): Http2Fields {
  const out = noFields();
  out[':status'] = String(head.status);
  addFieldLines(out, bytes, head.fields, TRAILER, head.connection.dropped);
  return out;
}

/**
 * The fields of a response of HTTP/2 that go on to a client.
 * @param raw names and values in turn, as they were sent
 * @returns undefined if it is none
 */
export function passedFields(raw: readonly string[]): Http2Fields | undefined {
  const out = noFields();
  const status = statusOf(raw);
  if (status === undefined || !addRaw(out, raw)) return undefined;
  out[':status'] = status;
  return out;
}

/**
 * The head of a response of HTTP/2 for a client of HTTP/1: characters are bytes.
 * @param raw names and values in turn, as they were sent
 * @param more lines for its end, with their ends
 * @returns undefined if it is none
 */
export function responseText(raw: readonly string[], more: string): string | undefined {
  const fields = noFields();
  const status = statusOf(raw);
  if (status === undefined || !addRaw(fields, raw)) return undefined;
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (const [name, value] of Object.entries(fields)) {
    for (const one of typeof value === 'string' ? [value] : value) text += `${name}: ${one}\r\n`;
  }
  return `${text}${more}\r\n`;
}

/** Three digits up to 599, beyond which Node sends none; `:status` comes first and once. */
function statusOf(raw: readonly string[]): string | undefined {
  return raw[0] === ':status' && /^[1-5]\d\d$/.test(raw[1]) ? raw[1] : undefined;
}
