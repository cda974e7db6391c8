/**
 * The key-encryption key: it seals what a store holds of keys, and is itself never in the store. Each message gets a
 * key of its own, so that random nonces can't repeat under one key, however often rings rotate.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { hkdfSha256 } from '../../aead/index.js';
import { systemReason } from '../../capture/file/standard-stream.js';
import { isRepeatedByte, secretBytes } from '../../memory/internal.js';
import { quoted } from '../../text/plain-text.js';
import { StoreError } from '../error.js';

/** Length of the key, in bytes. */
export const KEK_LENGTH = 32;
/** Most bytes that `seal` takes. */
export const MAX_SEALED_PLAIN = 16_384;
/** The environment variable that commands read the key from, if no file is named. */
export const KEK_VARIABLE = 'VTEP_KEK';

const CIPHER = 'aes-256-gcm';
const VERSION = 1;
const SALT_AT = 1;
const SALT_LENGTH = 32;
const BODY_AT = SALT_AT + SALT_LENGTH;
const TAG_LENGTH = 16;
const OVERHEAD = BODY_AT + TAG_LENGTH;
/** HKDF yields the key and the nonce: both are new for each salt. */
const NONCE_LENGTH = 12;
const LABEL = 'vtep sealed 1';
/** The key's digits, with white space around them. */
const MAX_FILE = 256;
const OTHERS = 0o077;
const MAKE = `make one with: (umask 077; openssl rand -hex ${KEK_LENGTH} > FILE)`;

/**
 * Seals and opens keys for a store. AES-256-GCM, under a key that HKDF-SHA256 derives from this one with a random salt
 * per message; a message opens only in the context that it was sealed in. It never reveals itself in output.
 *
 *     | version 1 (1 byte) | salt (32) | ciphertext, as long as the plain text | tag (16) |
 */
export class Kek {
  readonly #bytes: Uint8Array;
  #wiped = false;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /**
   * Reads the key from a file: 64 hexadecimal digits. Others must have no access to it (mode 0600 or 0400).
   * @throws StoreError `BAD_KEK`; it never quotes the file
   */
  static fromFile(path: string): Kek {
    const shown = quoted(path);
    const content = secretBytes(MAX_FILE + 1);
    try {
      // A pipe without a writer would block: it isn't a regular file, and is refused below.
      const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        const found = fstatSync(file);
        if (!found.isFile()) throw new StoreError('BAD_KEK', `${shown} is not a regular file`);
        if ((found.mode & OTHERS) !== 0) {
          throw new StoreError('BAD_KEK', `${shown}: others than its owner have access to this key; chmod 600 it`);
        }
        return kekOf(content.subarray(0, fill(file, content)), shown);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw new StoreError('BAD_KEK', `can't read ${systemReason(path, error)}`, { cause: error });
    } finally {
      content.fill(0);
    }
  }

  /**
   * Reads the key from text, such as an environment variable: 64 hexadecimal digits. Text can't be wiped.
   * @param what what errors call it: `VTEP_KEK`
   * @throws StoreError `BAD_KEK`; it never quotes the text
   */
  static fromText(text: string, what: string): Kek {
    const content = secretBytes(MAX_FILE + 1);
    try {
      const { read, written } = new TextEncoder().encodeInto(text, content);
      return kekOf(content.subarray(0, read < text.length ? content.length : written), what);
    } finally {
      content.fill(0);
    }
  }

  /** @internal Takes 32 bytes over: the caller may not use them any more. */
  static ofBytes(bytes: Uint8Array, what: string): Kek {
    if (bytes.length !== KEK_LENGTH) {
      throw new StoreError('BAD_KEK', `${what} has ${bytes.length} bytes, and a key has ${KEK_LENGTH}`);
    }
    if (isRepeatedByte(bytes)) {
      throw new StoreError('BAD_KEK', `${what} is a single repeated byte, which protects nothing; ${MAKE}`);
    }
    return new Kek(bytes);
  }

  /**
   * Seals a message.
   * @param context what it is for, such as the overlay and the purpose: needed to open it, and not part of the result
   * @param plain at most 16,384 bytes; the caller wipes them
   * @param random fills an array with cryptographic random bytes
   * @returns 49 bytes more than `plain`
   * @throws StoreError `TOO_LARGE`; `BAD_KEK` after `wipe`
   */
  seal(context: string, plain: Uint8Array, random: (bytes: Uint8Array) => void): Uint8Array {
    if (plain.length > MAX_SEALED_PLAIN) {
      throw new StoreError('TOO_LARGE', `${plain.length} bytes to seal, and at most ${MAX_SEALED_PLAIN} are allowed`);
    }
    const sealed = new Uint8Array(OVERHEAD + plain.length);
    sealed[0] = VERSION;
    const salt = sealed.subarray(SALT_AT, BODY_AT);
    random(salt);
    return this.#withKey(context, salt, (key, nonce) => {
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_LENGTH });
      sealed.set(cipher.update(plain), BODY_AT);
      cipher.final();
      sealed.set(cipher.getAuthTag(), sealed.length - TAG_LENGTH);
      return sealed;
    });
  }

  /**
   * Opens a message.
   * @param context the one that it was sealed in
   * @returns the plain text, which the caller wipes
   * @throws StoreError `SEALED` if another key or context sealed it, or it was changed; `BAD_KEK` after `wipe`
   */
  open(context: string, sealed: Uint8Array): Uint8Array {
    const length = sealed.length - OVERHEAD;
    if (length < 0 || length > MAX_SEALED_PLAIN) {
      throw new StoreError('SEALED', `${sealed.length} bytes are not a sealed message`);
    }
    if (sealed[0] !== VERSION) {
      throw new StoreError('SEALED', `a sealed message of version ${sealed[0]}, and this vtep opens ${VERSION}`);
    }
    return this.#withKey(context, sealed.subarray(SALT_AT, BODY_AT), (key, nonce) => {
      const plain = secretBytes(length);
      const cipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_LENGTH });
      cipher.setAuthTag(sealed.subarray(BODY_AT + length));
      const opened = cipher.update(sealed.subarray(BODY_AT, BODY_AT + length));
      try {
        plain.set(opened);
        cipher.final();
        return plain;
      } catch (error) {
        plain.fill(0);
        throw new StoreError('SEALED', `not sealed with this key for ${context}, or changed since`, { cause: error });
      } finally {
        opened.fill(0);
      }
    });
  }

  /** Overwrites the key with zeros. */
  wipe(): void {
    this.#wiped = true;
    this.#bytes.fill(0);
  }

  /** Its JSON form, without the key. */
  toJSON(): string {
    return '[hidden]';
  }

  #withKey<T>(context: string, salt: Uint8Array, use: (key: Uint8Array, nonce: Uint8Array) => T): T {
    if (this.#wiped) throw new StoreError('BAD_KEK', 'the key that seals keys was wiped');
    // The label has no zero byte, so no context reads as part of it.
    const info = new TextEncoder().encode(`${LABEL}\0${context}`);
    const derived = hkdfSha256(this.#bytes, salt, info, KEK_LENGTH + NONCE_LENGTH);
    try {
      return use(derived.subarray(0, KEK_LENGTH), derived.subarray(KEK_LENGTH));
    } finally {
      derived.fill(0);
    }
  }
}

/** @returns the number of bytes read: all of the array if the file has more */
function fill(file: number, into: Uint8Array): number {
  let length = 0;
  for (let read = -1; read !== 0 && length < into.length; length += read) {
    read = readSync(file, into, length, into.length - length, null);
  }
  return length;
}

/** Parses digits with white space around them. No part of them becomes a string, since strings can't be wiped. */
function kekOf(text: Uint8Array, what: string): Kek {
  let [from, to] = [0, text.length];
  while (from < to && isBlank(text[from])) from++;
  while (from < to && isBlank(text[to - 1])) to--;
  const bytes = secretBytes(KEK_LENGTH);
  let valid = text.length <= MAX_FILE && to - from === 2 * KEK_LENGTH;
  for (let i = 0; valid && i < KEK_LENGTH; i++) {
    const [high, low] = [nibbleOf(text[from + 2 * i]), nibbleOf(text[from + 2 * i + 1])];
    valid = high >= 0 && low >= 0;
    bytes[i] = (high << 4) | low;
  }
  try {
    if (!valid)
      throw new StoreError('BAD_KEK', `${what} is not a key of ${2 * KEK_LENGTH} hexadecimal digits; ${MAKE}`);
    return Kek.ofBytes(bytes, what);
  } catch (error) {
    bytes.fill(0);
    throw error;
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** The value of a hexadecimal digit, or -1. */
function nibbleOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
