/** How a request of HTTP/1 was received, read from its head. */
import { Field, type RequestHead } from '../http1/index.js';
import { claimsOf } from './claims.js';
import { type Received, ReceivedVersion } from './received.js';

const HTTP_1_0: Received = { version: ReceivedVersion.Http10 };

/**
 * What the lines about a request depend on besides its client and host; undefined if nothing, as with nearly all: a
 * request of HTTP/1.1 to a host without port that claims nothing, or that isn't from a trusted peer.
 * @param bytes what `head` was read from
 * @param isTrusted whether its claims are taken
 */
export function receivedOf(bytes: Buffer, head: RequestHead, isTrusted: boolean): Received | undefined {
  const authority = authorityOf(bytes, head);
  const claims = isTrusted ? claimsOf(bytes, head.fields) : undefined;
  if (authority === undefined && claims === undefined) return head.minor === 1 ? undefined : HTTP_1_0;
  return { version: head.minor === 1 ? ReceivedVersion.Http11 : ReceivedVersion.Http10, authority, claims };
}

/** The Host field, if it has a port and counts. */
function authorityOf(bytes: Buffer, { fields, host, isAbsolute }: RequestHead): string | undefined {
  const index = isAbsolute ? -1 : fields.indexOf(Field.Host);
  if (index < 0) return undefined;
  const start = fields.valueStart[index];
  const end = fields.valueEnd[index];
  if (end - start === host.length) return undefined;
  const text = bytes.toString('latin1', start, end).toLowerCase();
  // What else it is longer by is the dot of the root.
  return /:\d+$/.test(text) ? text : undefined;
}
