import { hkdfSync } from 'node:crypto';
import { AeadError } from './error.js';

/** RFC 5869 section 2.3: 255 hashes. */
const MAX_BYTES = 255 * 32;

/**
 * HKDF with SHA-256 (RFC 5869) by node:crypto.
 * @param key input key material
 * @param length output size in bytes, 0 to 8160
 * @throws AeadError `BAD_LENGTH`
 */
export function hkdfSha256(key: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (!(length >= 0 && length <= MAX_BYTES)) {
    throw new AeadError('BAD_LENGTH', `HKDF with SHA-256 produces at most ${MAX_BYTES} bytes, not ${length}`);
  }
  // OpenSSL from 3.5 refuses to derive nothing.
  return length === 0 ? new Uint8Array(0) : new Uint8Array(hkdfSync('sha256', key, salt, info, length));
}
