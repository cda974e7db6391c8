/** Key material of AES-GCM in ESP: the AES key and the salt (RFC 4106 section 8.1). It never prints itself. */
import type { Aead } from '../aead/portable.js';
import { isRepeatedByte, sameSecret, secretCopy } from '../memory/internal.js';
import { IpsecError } from './error.js';

/** Bytes of the salt, which follows the key. */
export const SALT_BYTES = 4;

/** The key id of a closed SA. */
export const NO_KEY = -1;

const HIDDEN = '[hidden]';
/** Warning of SA parsers about a weak key. They use it anyway, since the packets are encrypted with it. */
export const WEAK_KEY_WARNING = 'has a key of one repeated byte, which protects nothing';

/** A key with its salt. Neither JSON nor a log shows the bytes. */
export class Keymat {
  readonly #bytes: Uint8Array;

  /**
   * @param bytes the AES key (16, 24 or 32 bytes), then the salt (4), as the kernel takes it; copied
   * @throws IpsecError `BAD_KEY_LENGTH`
   */
  constructor(bytes: Uint8Array) {
    const keyLength = bytes.length - SALT_BYTES;
    if (keyLength !== 16 && keyLength !== 24 && keyLength !== 32) {
      throw new IpsecError(
        'BAD_KEY_LENGTH',
        `an AES-GCM key with its salt has 20, 28 or 36 bytes (AES-128, 192, 256), not ${bytes.length}`,
      );
    }
    this.#bytes = secretCopy(bytes);
  }

  /** Bytes of the AES key: 16, 24 or 32. */
  get keyLength(): number {
    return this.#bytes.length - SALT_BYTES;
  }

  /**
   * Passes the bytes (key, then salt) to a function, without copying them: a consumer that keeps them must copy them.
   */
  use<T>(consumer: (bytes: Uint8Array) => T): T {
    return consumer(this.#bytes);
  }

  /**
   * Adds the key (without the salt) to a cipher.
   * @returns the key id
   * @throws AeadError `BAD_KEY_LENGTH`
   */
  addTo(aead: Aead): number {
    return aead.addKey(this.#bytes.subarray(0, this.keyLength));
  }

  /** The salt as a signed 32-bit word in network order. */
  get salt(): number {
    const bytes = this.#bytes;
    const at = this.keyLength;
    return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }

  /** Whether the AES key is one repeated byte, such as all zeros: it protects nothing. */
  get isWeak(): boolean {
    return isRepeatedByte(this.#bytes.subarray(0, this.keyLength));
  }

  /** Whether another key and salt have the same bytes, compared in constant time. */
  equals(other: Keymat): boolean {
    return sameSecret(this.#bytes, other.#bytes);
  }

  /** Overwrites the bytes with zeros. */
  wipe(): void {
    this.#bytes.fill(0);
  }

  /** A placeholder in JSON, not the key. */
  toJSON(): string {
    return HIDDEN;
  }

  /** A placeholder in messages, not the key. */
  toString(): string {
    return HIDDEN;
  }
}
