/** The cipher interface: AES-GCM over batches of packets, in place. */
import type { AeadBatch } from './aead-batch.js';
import { AeadError } from './error.js';

/** A cipher that holds keys and works on batches. One instance belongs to one thread. */
export interface Aead {
  /** The backend's name. */
  readonly name: string;
  /**
   * Adds a key.
   * @param key AES key of 16, 24 or 32 bytes; copied, so the caller may wipe its own
   * @returns the key id for batches
   * @throws AeadError `BAD_KEY_LENGTH`; `TOO_MANY_KEYS` if the cipher holds 2^20 already
   */
  addKey(key: Uint8Array): number;
  /** Wipes a key and invalidates its id. Unknown ids are ignored. */
  removeKey(id: number): void;
  /**
   * Encrypts each packet's bytes in place and writes its ICV (NIST SP 800-38D, 7.1).
   * @throws AeadError `BAD_AEAD_BATCH` if a column is out of range or has an unknown key id
   */
  seal(batch: AeadBatch): void;
  /**
   * Decrypts each packet's bytes in place and sets `verified` according to its ICV, which is compared in constant time
   * (NIST SP 800-38D, 7.2). The bytes of a packet that fails are zeroed.
   * @throws AeadError `BAD_AEAD_BATCH`, as `seal` does
   */
  open(batch: AeadBatch): void;
}

/** A cipher implementation. */
export interface AeadBackend {
  readonly name: string;
  /**
   * Creates a cipher.
   * @throws AeadError `AEAD_UNAVAILABLE` with what is missing and how to install it
   */
  create(): Aead;
}

/** Throws `BAD_KEY_LENGTH` unless AES defines keys of this many bytes. */
export function checkKeyLength(length: number): void {
  if (length !== 16 && length !== 24 && length !== 32) {
    throw new AeadError('BAD_KEY_LENGTH', `an AES key has 16, 24 or 32 bytes, not ${length}`);
  }
}
