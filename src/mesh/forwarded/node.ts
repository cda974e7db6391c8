/** Who took part in a request, as X-Forwarded-For and Forwarded (RFC 7239 section 6) name them. */
import { isIP, isIPv4, isIPv6 } from 'node:net';

/** Longest one: an address of IPv6 in brackets, with a port. Obfuscated names are no longer either. */
const MAX_NODE = 64;
const OBFUSCATED = /^_[A-Za-z0-9._-]+$/;
const PORT = /^(?:\d{1,5}|_[A-Za-z0-9._-]+)$/;

/**
 * Whether a text names one: an address, with or without a port, `unknown`, or an obfuscated name.
 * @param text of X-Forwarded-For, in which IPv6 addresses have no brackets, or of Forwarded, in which they have
 */
export function isNode(text: string): boolean {
  return text.length <= MAX_NODE && (isIP(text) !== 0 || nameOf(text) !== undefined);
}

/** A node without its port, and without brackets. */
export function nodeName(text: string): string {
  return isIP(text) !== 0 ? text : (nameOf(text) ?? text);
}

/** The name in a node in the form of Forwarded. */
function nameOf(text: string): string | undefined {
  if (text.startsWith('[')) {
    const end = text.indexOf(']');
    const address = text.slice(1, Math.max(end, 1));
    return end > 0 && isIPv6(address) && isPortPart(text.slice(end + 1)) ? address : undefined;
  }
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const isName = isIPv4(name) || name.toLowerCase() === 'unknown' || OBFUSCATED.test(name);
  return isName && isPortPart(colon < 0 ? '' : text.slice(colon)) ? name : undefined;
}

function isPortPart(text: string): boolean {
  return text === '' || (text.startsWith(':') && PORT.test(text.slice(1)));
}
