/** Key material of AES-GCM in ESP: the AES key and the salt (RFC 4106 section 8.1). It doesn't show itself. */
import type { Aead } from '../aead/aead.js';
import { isOneByte, sameSecret, secretCopy } from '../memory/secret-bytes.js';
import { IpsecError } from './error.js';

/** Bytes of the salt, which stand behind the key. */
export const SALT_BYTES = 4;

/** The key number of an SA that is closed. */
export const NO_KEY = -1;

const HIDDEN = '[hidden]';
/** What a reader of SAs says of a weak key, which it uses all the same: the packets are as they are. */
export const WEAK_KEY_REMARK = 'has a key of one byte over and over, which protects nothing';

/** A key with its salt. Neither JSON nor a log shows the bytes. */
export class Keymat {
  readonly #bytes: Uint8Array;

  /**
   * @param bytes the AES key (16, 24 or 32 bytes), then the salt (4): as the kernel takes it; copied
   * @throws IpsecError `BAD_KEY_LENGTH`
   */
  constructor(bytes: Uint8Array) {
    const keyLength = bytes.length - SALT_BYTES;
    if (keyLength !== 16 && keyLength !== 24 && keyLength !== 32) {
      throw new IpsecError(
        'BAD_KEY_LENGTH',
        `a key of AES-GCM with its salt has 20, 28 or 36 bytes (AES-128, 192, 256), not ${bytes.length}`,
      );
    }
    this.#bytes = secretCopy(bytes);
  }

  /** Bytes of the AES key: 16, 24 or 32. */
  get keyLength(): number {
    return this.#bytes.length - SALT_BYTES;
  }

  /** Hands the bytes (key, then salt) to a function. They are the object's own: copy what is to be kept. */
  use<T>(consumer: (bytes: Uint8Array) => T): T {
    return consumer(this.#bytes);
  }

  /**
   * Gives the key (without the salt) to a cipher.
   * @returns the number that the cipher names it by
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

  /** Whether the AES key is one byte over and over, zeros among them: it protects nothing. */
  get isWeak(): boolean {
    return isOneByte(this.#bytes.subarray(0, this.keyLength));
  }

  /** Whether another one has the same bytes. */
  equals(other: Keymat): boolean {
    return sameSecret(this.#bytes, other.#bytes);
  }

  /** Overwrites the bytes with zeros. */
  wipe(): void {
    this.#bytes.fill(0);
  }

  /** What JSON says of it: not the key. */
  toJSON(): string {
    return HIDDEN;
  }

  /** What a message says of it: not the key. */
  toString(): string {
    return HIDDEN;
  }
}
