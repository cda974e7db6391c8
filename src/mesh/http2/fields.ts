/** Fields of a message of HTTP/2, as Node takes them: by name in lower case, several values of one as a list. */
import type { FieldLines } from '../http1/field-lines.js';
import { Field } from '../http1/field-name.js';
import { isDropped } from '../http1/hop-by-hop.js';
import { isConnectionSpecific, isLowerToken, isValue } from './request-text.js';

/** Values by name. Names that begin with a colon are the first line's. */
export type Http2Fields = Record<string, string | string[]>;

/** Fields of which Node sends only one (`kSingleValueHeaders`). Of several, the first counts, as in its own server. */
const SINGLE: ReadonlySet<string> = new Set(
  `access-control-allow-credentials access-control-max-age access-control-request-method age authorization
  content-encoding content-language content-length content-location content-md5 content-range content-type date dnt
  etag expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location
  max-forwards proxy-authorization range referer retry-after tk upgrade-insecure-requests user-agent
  x-content-type-options`.split(/\s+/),
);
const CODING = 1 << Field.TransferEncoding;

/** Fields without any. */
export function noFields(): Http2Fields {
  // Without a prototype: a field may be called like a method of objects.
  return Object.create(null) as Http2Fields;
}

/** Adds a value. @param name in lower case */
export function addField(fields: Http2Fields, name: string, value: string): void {
  const before = fields[name] as string | string[] | undefined;
  if (before === undefined) fields[name] = value;
  else if (SINGLE.has(name)) return;
  else if (typeof before === 'string') fields[name] = [before, value];
  else before.push(value);
}

/**
 * Adds the fields of a head of HTTP/1 that go on to the next hop; Host is none of them.
 * @param bytes what they were read from
 * @param dropped bits of fields that don't go on
 * @param named names of others that don't, in lower case
 */
export function addFieldLines(
  fields: Http2Fields,
  bytes: Buffer,
  lines: FieldLines,
  dropped: number,
  named: readonly string[],
): void {
  const out = dropped | CODING | (1 << Field.Host);
  for (let i = 0; i < lines.count; i++) {
    const field = lines.field[i];
    if (field !== Field.Other && isDropped(1 << field, out)) continue;
    const name = bytes.toString('latin1', lines.nameStart[i], lines.nameEnd[i]).toLowerCase();
    if (named.length > 0 && named.includes(name)) continue;
    addField(fields, name, bytes.toString('latin1', lines.valueStart[i], lines.valueEnd[i]));
  }
}

/** Adds lines that a proxy adds: `Via: 1.1 mesh\r\n`, any number of them. */
export function addLines(fields: Http2Fields, lines: string): void {
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) addField(fields, line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
}

/**
 * Adds fields of another message of HTTP/2, without those of its first line.
 * @param raw names and values in turn, as they were sent
 * @returns false if one can't go on
 */
export function addRaw(fields: Http2Fields, raw: readonly string[]): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i];
    if (name.startsWith(':')) continue;
    if (isConnectionSpecific(name) || name === 'te') continue;
    if (!isLowerToken(name) || !isValue(raw[i + 1])) return false;
    addField(fields, name, raw[i + 1]);
  }
  return true;
}
