/** Identifies a key without revealing anything about it. */
import { encodeHex } from '../../memory/internal.js';
import type { ClusterKey } from './key-ring.js';
import type { HkdfSha256 } from '../profile.js';

const LABEL = 'vtep fingerprint 1';
const FINGERPRINT_BYTES = 6;

/**
 * The fingerprint of a key's bytes, independent of its tag: HKDF-SHA256 with a label that no other use of the key has,
 * so it reveals nothing about SAs. Keys are random and have at least 128 bits, so it can't be reversed by search.
 * @returns 12 hexadecimal digits; two keys collide by chance with probability 2^-48
 * @throws OverlayError `KEY_WIPED`
 */
export function keyFingerprint(key: ClusterKey, hkdf: HkdfSha256): string {
  const info = new TextEncoder().encode(LABEL);
  return encodeHex(key.use((secret) => hkdf(secret, new Uint8Array(0), info, FINGERPRINT_BYTES)));
}
