/** Which bytes may be where in a message (RFC 9110 section 5.6.2, RFC 9112). Everything else is refused, not repaired. */

export const CR = 13;
export const LF = 10;
export const SPACE = 32;
export const TAB = 9;
export const COLON = 58;
export const COMMA = 44;
export const SLASH = 47;
export const STAR = 42;

const TOKEN_MARKS = "!#$%&'*+-.^_`|~";
const UPPER_A = 65;
const UPPER_Z = 90;
const CASE_BIT = 32;

/** The byte in lower case if it may be in a token, and 0 otherwise. */
export const LOWER_TOKEN: Readonly<Uint8Array> = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  if (!/[0-9A-Za-z]/.test(character) && !TOKEN_MARKS.includes(character)) return 0;
  return byte >= UPPER_A && byte <= UPPER_Z ? byte | CASE_BIT : byte;
});

/** 1 if the byte may be in a field's value: visible ones, space, tab, and those from 0x80 on. */
export const IN_VALUE: Readonly<Uint8Array> = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === TAB || (byte >= SPACE && byte !== 127) ? 1 : 0,
);

/** 1 if the byte may be in a request's target: visible ASCII characters. */
export const IN_TARGET: Readonly<Uint8Array> = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte > SPACE && byte < 127 ? 1 : 0,
);

/** The value of a hexadecimal digit, and 255 for any other byte. */
export const HEX_VALUE: Readonly<Uint8Array> = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? 255 : value;
});
