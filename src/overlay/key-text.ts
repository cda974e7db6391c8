/**
 * The text of a file with keys, from which the keys are taken out before it becomes a string: strings can't be wiped, and
 * parsers make copies of their parts. What isn't recognized as a key stays in the text.
 */
import { secretBytes } from '../memory/secret-bytes.js';

/** A text in which placeholders stand for keys. */
export class KeyText {
  readonly text: string;
  readonly #keys: readonly Uint8Array[];

  /** @param keys what the placeholders stand for, in their order */
  constructor(text: string, keys: readonly Uint8Array[]) {
    this.text = text;
    this.#keys = keys;
  }

  /** The key that a placeholder stands for, or undefined if a text is none. */
  keyOf(text: string): Uint8Array | undefined {
    const match = PLACEHOLDER.exec(text);
    return match === null ? undefined : this.#keys.at(Number(match[1]));
  }

  /** Overwrites the keys with zeros, once they are read. */
  wipe(): void {
    for (const key of this.#keys) key.fill(0);
  }
}

/** As long as the key's digits, so that lines and columns stay; no hexadecimal digit but the index. */
const PLACEHOLDER = /^z{8,}(\d{1,4})$/;
const FILLER = 0x7a;
const MAX_KEYS = 10_000;
const [QUOTE, DOUBLE_QUOTE, COLON, ZERO, LOWER_X] = [0x27, 0x22, 0x3a, 0x30, 0x78];

/**
 * Takes keys out of a file's bytes (UTF-8): the hexadecimal digits of an AES key behind the word `key`, as rings, configs and
 * lines of Swarm's store have them. An unquoted value that YAML takes for a number stays.
 * @param bytes in which the keys are overwritten
 */
export function takeKeys(bytes: Uint8Array): KeyText {
  const keys: Uint8Array[] = [];
  for (let at = 0; at + 3 < bytes.length && keys.length < MAX_KEYS; at++) {
    if ((bytes[at] | 0x20) !== 0x6b || (bytes[at + 1] | 0x20) !== 0x65 || (bytes[at + 2] | 0x20) !== 0x79) continue;
    const key = takeKey(bytes, at + 3, keys.length);
    if (key !== undefined) keys.push(key);
  }
  return new KeyText(new TextDecoder().decode(bytes), keys);
}

/** The key behind the word that ends at a place, which is overwritten; undefined if there is none. */
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
  // What would be one number of YAML's isn't a text, and is refused as such.
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

/** What a hexadecimal digit stands for, or -1. */
function nibbleOf(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
