/** The names of fields that a proxy acts on. */

/** Fields that are told apart. All others pass unread. */
export const Field = {
  Other: 0,
  Host: 1,
  ContentLength: 2,
  TransferEncoding: 3,
  Connection: 4,
  KeepAlive: 5,
  ProxyConnection: 6,
  Te: 7,
  Upgrade: 8,
  Expect: 9,
  Via: 10,
  XForwardedFor: 11,
  XForwardedProto: 12,
  XForwardedHost: 13,
  XForwardedPort: 14,
  Forwarded: 15,
  Cookie: 16,
  Http2Settings: 17,
  ProxyAuthorization: 18,
  ProxyAuthenticate: 19,
  Trailer: 20,
  XRealIp: 21,
  XForwardedPrefix: 22,
  XForwardedServer: 23,
  XForwardedSsl: 24,
  /** A name that programs behind CGI or WSGI read as one of those: `X_Forwarded_For`. */
  Underscored: 25,
} as const;
export type Field = (typeof Field)[keyof typeof Field];

const NAMES: Readonly<Record<Exclude<keyof typeof Field, 'Other' | 'Underscored'>, string>> = {
  Host: 'host',
  ContentLength: 'content-length',
  TransferEncoding: 'transfer-encoding',
  Connection: 'connection',
  KeepAlive: 'keep-alive',
  ProxyConnection: 'proxy-connection',
  Te: 'te',
  Upgrade: 'upgrade',
  Expect: 'expect',
  Via: 'via',
  XForwardedFor: 'x-forwarded-for',
  XForwardedProto: 'x-forwarded-proto',
  XForwardedHost: 'x-forwarded-host',
  XForwardedPort: 'x-forwarded-port',
  Forwarded: 'forwarded',
  Cookie: 'cookie',
  Http2Settings: 'http2-settings',
  ProxyAuthorization: 'proxy-authorization',
  ProxyAuthenticate: 'proxy-authenticate',
  Trailer: 'trailer',
  XRealIp: 'x-real-ip',
  XForwardedPrefix: 'x-forwarded-prefix',
  XForwardedServer: 'x-forwarded-server',
  XForwardedSsl: 'x-forwarded-ssl',
};

/** Slots of the table: enough for each name to have its own. */
const SLOTS = 256;
const FACTOR = 31;
const CASE_BIT = 32;
const UNDERSCORE = 95;
/** Longer than any known name. */
const MAX_NAME = 64;

const slots = new Uint8Array(SLOTS);
const spelled: string[] = [''];

for (const [key, name] of Object.entries(NAMES) as [keyof typeof NAMES, string][]) {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = nextHash(hash, name.charCodeAt(i));
  const slot = hash & (SLOTS - 1);
  if (slots[slot] !== 0) throw new RangeError(`${name} and ${spelled[slots[slot]]} have the same slot`);
  slots[slot] = Field[key];
  spelled[Field[key]] = name;
}

/** The hash of a name with another character, in lower case. */
export function nextHash(hash: number, lower: number): number {
  return (Math.imul(hash, FACTOR) + lower) | 0;
}

/**
 * Which field a name is, in any case.
 * @param hash of the name, by `nextHash`
 */
export function fieldOf(bytes: Uint8Array, start: number, end: number, hash: number): Field {
  const field = slots[hash & (SLOTS - 1)] as Field;
  if (field !== Field.Other && isSpelled(bytes, start, end, field)) return field;
  for (let i = start; i < end; i++) if (bytes[i] === UNDERSCORE) return underscored(bytes, start, end);
  return Field.Other;
}

function isSpelled(bytes: Uint8Array, start: number, end: number, field: Field): boolean {
  const name = spelled[field];
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[start + i];
    // Of the characters of tokens, only letters have another that differs in this bit; a name has no such mark but "-".
    if ((byte | CASE_BIT) !== name.charCodeAt(i)) return false;
  }
  return true;
}

/** Such names are rare: what this costs is of no matter. */
function underscored(bytes: Uint8Array, start: number, end: number): Field {
  const name = String.fromCharCode(...bytes.subarray(start, Math.min(end, start + MAX_NAME)));
  return spelled.includes(name.toLowerCase().replaceAll('_', '-')) ? Field.Underscored : Field.Other;
}
