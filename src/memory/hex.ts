/** Converts hexadecimal to bytes and back. The input may be a key, so errors don't quote it. */
import { VtepError } from '../error.js';
import { secretBytes } from './secret-bytes.js';

/**
 * Decodes pairs of hexadecimal digits.
 * @param hex digits of either case, without 0x
 * @returns an array at a fixed address, so that wiping it leaves no copy
 * @throws VtepError `BAD_HEX` for anything else
 */
export function decodeHex(hex: string): Uint8Array {
  if (hex.length % 2 !== 0 || /[^0-9a-f]/i.test(hex)) {
    throw new VtepError('BAD_HEX', 'not pairs of hexadecimal digits');
  }
  const bytes = secretBytes(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Encodes bytes as lower-case hexadecimal. */
export function encodeHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
