/** The port of the ciphers: AES-GCM over batches of packets, in place. */
import type { AeadBatch } from './aead-batch.js';
import { AeadError } from './error.js';

/** A cipher that holds keys and works on batches. One instance belongs to one thread. */
export interface Aead {
  /** The backend's name. */
  readonly name: string;
  /**
   * Takes a key.
   * @param key 16, 24 or 32 bytes; copied, so that the caller may wipe them
   * @returns the number that batches name it by
   * @throws AeadError `BAD_KEY_LENGTH`
   */
  addKey(key: Uint8Array): number;
  /** Wipes a key; its number names none afterwards. One that isn't held is let be. */
  removeKey(id: number): void;
  /**
   * Encrypts each packet's bytes in place and writes its ICV (NIST SP 800-38D, 7.1).
   * @throws AeadError `BAD_AEAD_BATCH` if a column leads beyond the bytes or names no key
   */
  seal(batch: AeadBatch): void;
  /**
   * Decrypts each packet's bytes in place and says in `verified` whether its ICV is right, compared in constant time
   * (NIST SP 800-38D, 7.2). The bytes of a packet that fails are zero afterwards.
   * @throws AeadError `BAD_AEAD_BATCH` as `seal`
   */
  open(batch: AeadBatch): void;
}

/** A way to get a cipher. */
export interface AeadBackend {
  readonly name: string;
  /**
   * Makes one.
   * @throws AeadError `AEAD_UNAVAILABLE` with what is missing and how to get it
   */
  create(): Aead;
}

/** Throws unless a key has as many bytes as AES knows. */
export function checkKeyLength(length: number): void {
  if (length !== 16 && length !== 24 && length !== 32) {
    throw new AeadError('BAD_KEY_LENGTH', `an AES key has 16, 24 or 32 bytes, not ${length}`);
  }
}
