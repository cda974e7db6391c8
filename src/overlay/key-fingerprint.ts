/** A name for a key that tells it from others and gives nothing of it away. */
import { hexOfBytes } from '../memory/hex.js';
import type { ClusterKey } from './key-ring.js';
import type { HkdfSha256 } from './profile.js';

const LABEL = 'vtep fingerprint 1';
const FINGERPRINT_BYTES = 6;

/**
 * The fingerprint of a key's bytes, whatever its tag: HKDF-SHA256 with a label that no other use of the key has, so that
 * it says nothing about SAs. Keys are random and of 128 bits or more, so it can't be searched back.
 * @returns 12 hexadecimal digits; two keys share one by chance in 2^48
 * @throws OverlayError `KEY_WIPED`
 */
export function keyFingerprint(key: ClusterKey, hkdf: HkdfSha256): string {
  const info = new TextEncoder().encode(LABEL);
  return hexOfBytes(key.use((secret) => hkdf(secret, new Uint8Array(0), info, FINGERPRINT_BYTES)));
}
