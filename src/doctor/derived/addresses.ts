/** Addresses in evidence: text from inputs, which need not be an address. */
import { parseIp } from '../../overlay/index.js';
import { VtepError } from '../../wire/index.js';

const BITS_PER_BYTE = 8;
const LOOKS_LIKE_ADDRESS = /^[0-9a-f.:]{2,45}$/i;

/** The address without its prefix length: `10.0.9.3` of `10.0.9.3/24`. */
export function withoutLength(text: string): string {
  const slash = text.indexOf('/');
  return slash < 0 ? text : text.slice(0, slash);
}

/** The 4 or 16 bytes of an address, with or without a prefix length; undefined if it is none. */
export function bytesOf(text: string): Uint8Array | undefined {
  const address = withoutLength(text);
  // Most texts that are no address are empty, and an exception takes long.
  if (!LOOKS_LIKE_ADDRESS.test(address)) return undefined;
  try {
    return parseIp(address);
  } catch (error) {
    if (error instanceof VtepError) return undefined;
    throw error;
  }
}

/** Whether a text is an address other than 0.0.0.0 and ::. */
export function isAddress(text: string): boolean {
  return bytesOf(text)?.some((byte) => byte !== 0) ?? false;
}

/** Whether it is 0.0.0.0 or ::. */
export function isUnspecified(text: string): boolean {
  return bytesOf(text)?.every((byte) => byte === 0) ?? false;
}

/** Whether it is an IPv6 address. */
export function isIpv6(text: string): boolean {
  return bytesOf(text)?.length === 16;
}

/** Whether a prefix (`10.0.9.0/24`, or an address alone) contains an address. False if either is invalid. */
export function contains(prefix: string, address: string): boolean {
  const network = bytesOf(prefix);
  const bytes = bytesOf(address);
  if (network === undefined || bytes === undefined || network.length !== bytes.length) return false;
  const slash = prefix.indexOf('/');
  const bits = slash < 0 ? `${bytes.length * BITS_PER_BYTE}` : prefix.slice(slash + 1);
  const length = Number(bits);
  if (!/^\d{1,3}$/.test(bits) || length > bytes.length * BITS_PER_BYTE) return false;
  for (let i = 0; i * BITS_PER_BYTE < length; i++) {
    const compared = Math.min(BITS_PER_BYTE, length - i * BITS_PER_BYTE);
    if ((network[i] ^ bytes[i]) >> (BITS_PER_BYTE - compared) !== 0) return false;
  }
  return true;
}
