/** What a client begins with that speaks HTTP/2 with prior knowledge (RFC 9113 section 3.4). */

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** What the first bytes of a connection are. */
export const PrefaceVerdict = { Http1: 0, Incomplete: 1, Http2: 2 } as const;
export type PrefaceVerdict = (typeof PrefaceVerdict)[keyof typeof PrefaceVerdict];

/** Whether a connection that begins with these bytes is one of HTTP/2. No request of HTTP/1 begins like it. */
export function readPreface(bytes: Uint8Array): PrefaceVerdict {
  const length = Math.min(bytes.length, PREFACE.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== PREFACE[i]) return PrefaceVerdict.Http1;
  return length === PREFACE.length ? PrefaceVerdict.Http2 : PrefaceVerdict.Incomplete;
}
