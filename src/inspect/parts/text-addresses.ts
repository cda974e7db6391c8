/** Addresses of parts, which have them as texts. */
import { isVtepError } from '../../error.js';
import { parseIpv4, parseIpv6, parseMac } from '../../wire/index.js';
import { PartError } from './part-error.js';

/** Bytes of an IP address: 4 or 16. */
export function addressOf(text: string): Uint8Array {
  try {
    return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  } catch (error) {
    if (!isVtepError(error)) throw error;
    throw new PartError('an IP address is not valid');
  }
}

/** Bytes of a MAC address. */
export function macOf(text: string): Uint8Array {
  try {
    return parseMac(text);
  } catch (error) {
    if (!isVtepError(error)) throw error;
    throw new PartError('a MAC address is not valid');
  }
}
