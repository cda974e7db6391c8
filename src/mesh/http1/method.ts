/** Request methods that a proxy treats in a way of their own (RFC 9110 section 9). */

/** Methods that are told apart. They are case-sensitive. */
export const Method = {
  Other: 0,
  Get: 1,
  Head: 2,
  Options: 3,
  Put: 4,
  Delete: 5,
  Trace: 6,
  Connect: 7,
} as const;
export type Method = (typeof Method)[keyof typeof Method];

const NAMES: readonly (readonly [string, Method])[] = [
  ['GET', Method.Get],
  ['HEAD', Method.Head],
  ['OPTIONS', Method.Options],
  ['PUT', Method.Put],
  ['DELETE', Method.Delete],
  ['TRACE', Method.Trace],
  ['CONNECT', Method.Connect],
];

/** Which method the bytes spell. */
export function methodOf(bytes: Uint8Array, start: number, end: number): Method {
  for (const [name, method] of NAMES) if (spells(bytes, start, end, name)) return method;
  return Method.Other;
}

/** Whether a request without content may be sent again if its connection ends before an answer (RFC 9110 section 9.2.2). */
export function isIdempotent(method: Method): boolean {
  return method !== Method.Other && method !== Method.Connect;
}

function spells(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name.charCodeAt(i)) return false;
  return true;
}
