/**
 * Extracts the keys from a file's bytes before they become a string: strings can't be wiped, and parsers copy parts of
 * them. Anything not recognised as a key stays in the text.
 */
import { secretBytes } from '../../memory/internal.js';

/** A text with placeholders for its keys. */
export class KeyText {
  readonly text: string;
  readonly #keys: readonly Uint8Array[];

  /** @param keys the keys of the placeholders, in order */
  constructor(text: string, keys: readonly Uint8Array[]) {
    this.text = text;
    this.#keys = keys;
  }

  /** The key of a placeholder, or undefined if the text isn't one. */
  keyOf(text: string): Uint8Array | undefined {
    const match = PLACEHOLDER.exec(text);
    return match === null ? undefined : this.#keys.at(Number(match[1]));
  }

  /** Overwrites the keys with zeros, once they are parsed. */
  wipe(): void {
    for (const key of this.#keys) key.fill(0);
  }
}

/** As long as the key's digits, so that lines and columns stay the same. Its only hexadecimal digits are the index. */
const PLACEHOLDER = /^z{8,}(\d{1,4})$/;
const FILLER = 0x7a;
const MAX_KEYS = 10_000;
const [QUOTE, DOUBLE_QUOTE, COLON, ZERO, LOWER_X] = [0x27, 0x22, 0x3a, 0x30, 0x78];

/**
 * Extracts keys from a file's bytes (UTF-8): the hexadecimal digits of an AES key after the word `key`, as in rings,
 * configs and lines of Swarm's store. An unquoted value that YAML parses as a number stays in the text.
 * @param bytes the file; its keys are overwritten
 */
export function extractKeys(bytes: Uint8Array): KeyText {
  const keys: Uint8Array[] = [];
  for (let at = 0; at + 3 < bytes.length && keys.length < MAX_KEYS; at++) {
    if ((bytes[at] | 0x20) !== 0x6b || (bytes[at + 1] | 0x20) !== 0x65 || (bytes[at + 2] | 0x20) !== 0x79) continue;
    const key = takeKey(bytes, at + 3, keys.length);
    if (key !== undefined) keys.push(key);
  }
  return new KeyText(new TextDecoder().decode(bytes), keys);
}

/** Extracts and overwrites the key that follows the word before offset `after`; undefined if there is none. */
function takeKey(bytes: Uint8Array, after: number, index: number): Uint8Array | undefined {
  let at = after;
  if (isQuote(bytes[at])) at++;
  at = skipBlanks(bytes, at);
  const assigned = bytes[at] === COLON;
  if (assigned) at = skipBlanks(bytes, at + 1);
  const quotes = isQuote(bytes[at]);
  if (quotes) at++;
  const prefixed = bytes[at] === ZERO && (bytes[at + 1] | 0x20) === LOWER_X;
  if (prefixed) at += 2;
  let end = at;
  let letters = 0;
  for (; nibbleOf(bytes[end]) >= 0; end++) if (bytes[end] > 0x39 && (bytes[end] | 0x20) !== 0x65) letters++;
  const digits = end - at;
  if (digits !== 32 && digits !== 48 && digits !== 64) return undefined;
  // YAML would parse this as a single number, which is rejected.
  if (assigned && !quotes && (prefixed || letters === 0)) return undefined;
  const key = secretBytes(digits / 2);
  for (let i = 0; i < key.length; i++) key[i] = (nibbleOf(bytes[at + 2 * i]) << 4) | nibbleOf(bytes[at + 2 * i + 1]);
  const number = String(index);
  bytes.fill(FILLER, at - (prefixed ? 2 : 0), end);
  for (let i = 0; i < number.length; i++) bytes[end - number.length + i] = number.charCodeAt(i);
  return key;
}

function isQuote(byte: number | undefined): boolean {
  return byte === QUOTE || byte === DOUBLE_QUOTE;
}

function skipBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x09 || bytes[at] === 0x0a || bytes[at] === 0x0d) at++;
  return at;
}

/** The value of a hexadecimal digit, or -1. */
function nibbleOf(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
