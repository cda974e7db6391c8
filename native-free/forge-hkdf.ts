import 'node-forge/lib/hmac.js';
import 'node-forge/lib/sha256.js';
import forge from 'node-forge/lib/forge.js';
import { AeadError } from '../src/aead/portable.js';

const HASH_BYTES = 32;
/** RFC 5869 section 2.3: the block counter is one byte. */
const MAX_BYTES = 255 * HASH_BYTES;

function tooLong(length: number): AeadError {
  return new AeadError('BAD_LENGTH', `HKDF with SHA-256 produces at most ${MAX_BYTES} bytes, not ${length}`);
}

/**
 * HKDF-SHA256 (RFC 5869) by node-forge's HMAC.
 * @param length output size in bytes, at most 8160
 * @throws AeadError `BAD_LENGTH`
 */
export function forgeHkdfSha256(key: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (!(length >= 0 && length <= MAX_BYTES)) throw tooLong(length);
  const encode = (bytes: Uint8Array): string => forge.util.binary.raw.encode(bytes);
  const hmac = forge.hmac.create();
  // RFC 5869 section 2.2: the default salt is all zeros.
  hmac.start('sha256', encode(salt.length > 0 ? salt : new Uint8Array(HASH_BYTES)));
  hmac.update(encode(key));
  const pseudoRandomKey = hmac.digest().getBytes();
  const output = new Uint8Array(length);
  let block = '';
  for (let filled = 0, counter = 1; filled < length; filled += HASH_BYTES, counter++) {
    hmac.start('sha256', pseudoRandomKey);
    hmac.update(block + encode(info) + String.fromCharCode(counter));
    block = hmac.digest().getBytes();
    for (let i = 0; i < HASH_BYTES && filled + i < length; i++) output[filled + i] = block.charCodeAt(i);
  }
  return output;
}
