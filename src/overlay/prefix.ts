/** Subnets: an address and a prefix length. */
import { quoted } from '../text/plain-text.js';
import { formatIp, parseIpv4, parseIpv6, VtepError } from '../wire/index.js';
import { OverlayError } from './error.js';

/** A subnet. */
export interface Prefix {
  /** 4 or 16 bytes; bits after the prefix are 0. */
  readonly address: Uint8Array;
  /** Prefix length in bits. */
  readonly length: number;
}

/**
 * Parses an IPv4 or IPv6 address to 4 or 16 bytes.
 * @throws VtepError `BAD_ADDRESS`
 */
export function parseIp(text: string): Uint8Array {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** Formats an address of 4 or 16 bytes. */
export function formatAddress(address: Uint8Array): string {
  return formatIp(address.length === 4 ? 4 : 6, address);
}

/** Formats a subnet: `10.0.9.0/24`. */
export function formatPrefix({ address, length }: Prefix): string {
  return `${formatAddress(address)}/${length}`;
}

/**
 * Parses a subnet such as `10.0.9.0/24`.
 * @throws OverlayError `BAD_PREFIX`, also if host bits are set
 */
export function parsePrefix(text: string): Prefix {
  const [address, bits, ...rest] = text.split('/') as [string, string | undefined, ...string[]];
  try {
    const bytes = parseIp(address);
    const length = bits !== undefined && /^\d{1,3}$/.test(bits) && rest.length === 0 ? Number(bits) : -1;
    if (length < 0 || length > bytes.length * 8) throw new OverlayError('BAD_PREFIX', `not a subnet: ${quoted(text)}`);
    const masked = bytes.map((byte, i) => byte & maskOf(length, i));
    if (masked.some((byte, i) => byte !== bytes[i])) {
      throw new OverlayError('BAD_PREFIX', `${text} is an address in a subnet, not the subnet itself`);
    }
    return { address: masked, length };
  } catch (error) {
    if (error instanceof OverlayError || !(error instanceof VtepError)) throw error;
    throw new OverlayError('BAD_PREFIX', `not a subnet: ${quoted(text)}`, { cause: error });
  }
}

function maskOf(length: number, index: number): number {
  const bits = Math.min(8, Math.max(0, length - 8 * index));
  return (0xff << (8 - bits)) & 0xff;
}

/** Whether a subnet contains an address. */
export function prefixContains(prefix: Prefix, address: Uint8Array): boolean {
  if (address.length !== prefix.address.length) return false;
  return prefix.address.every((byte, i) => (address[i] & maskOf(prefix.length, i)) === byte);
}

/** Whether two subnets have addresses in common. */
export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  return a.length < b.length ? prefixContains(a, b.address) : prefixContains(b, a.address);
}

/** Orders subnets by family and address, each after those that contain it. */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  if (a.address.length !== b.address.length) return a.address.length - b.address.length;
  for (let i = 0; i < a.address.length; i++) {
    if (a.address[i] !== b.address[i]) return a.address[i] - b.address[i];
  }
  return a.length - b.length;
}

/** Maps subnets to values, with longest-prefix match; look-up time doesn't depend on the number of subnets. */
export class PrefixMap<T> {
  /** By family and length, the longest first; then by the subnet's bytes. */
  readonly #lengths = new Map<number, Map<string, T>>();
  #order: number[] = [];

  /** Sets a subnet's value, unless it already has one. */
  add({ address, length }: Prefix, value: T): void {
    const kind = address.length * 256 + length;
    let subnets = this.#lengths.get(kind);
    if (subnets === undefined) {
      subnets = new Map();
      this.#lengths.set(kind, subnets);
      this.#order = [...this.#lengths.keys()].sort((a, b) => b - a);
    }
    const key = address.join('.');
    if (!subnets.has(key)) subnets.set(key, value);
  }

  /** The value of the longest subnet that contains the address. */
  find(address: Uint8Array): T | undefined {
    for (const kind of this.#order) {
      if (kind >>> 8 !== address.length) continue;
      const found = this.#lengths.get(kind)?.get(address.map((byte, i) => byte & maskOf(kind & 255, i)).join('.'));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
