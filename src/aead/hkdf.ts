import { hkdfSync } from 'node:crypto';

/** HKDF with SHA-256 (RFC 5869) by node:crypto. */
export function hkdfSha256(key: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, info, length));
}
