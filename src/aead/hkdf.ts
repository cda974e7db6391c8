import { hkdfSync } from 'node:crypto';
import { AeadError } from './error.js';

/** RFC 5869 section 2.3: 255 hashes. */
const MAX_BYTES = 255 * 32;

/**
 * HKDF-SHA256 (RFC 5869), extract and expand, by node:crypto.
 * @param key input keying material
 * @param salt may be empty
 * @param info context that ties the output to one use; may be empty
 * @param length output size in bytes, at most 8160
 * @throws AeadError `BAD_LENGTH`
 */
export function hkdfSha256(key: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (!(length >= 0 && length <= MAX_BYTES)) {
    throw new AeadError('BAD_LENGTH', `HKDF with SHA-256 produces at most ${MAX_BYTES} bytes, not ${length}`);
  }
  return new Uint8Array(hkdfSync('sha256', key, salt, info, length));
}
