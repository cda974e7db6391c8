/** Peers whose word about others is taken. */
import { isIPv4, isIPv6 } from 'node:net';
import { parseIp, prefixContains } from '../../overlay/index.js';
import type { PlainPrefix } from './plan.js';

const V4 = 4;
/** Bytes of an IPv6 address before the IPv4 address in it (RFC 4291 section 2.5.5.2). */
const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);
const MAPPED_BITS = 8 * MAPPED.length;

/** Their addresses. */
export class TrustedPeers {
  /** Address and mask of IPv4 prefixes, in turn. */
  readonly #v4: Uint32Array;
  readonly #v6: readonly PlainPrefix[];

  constructor(prefixes: readonly PlainPrefix[] = []) {
    const plain = prefixes.map(asV4);
    const v4 = plain.filter(({ address }) => address.length === V4);
    this.#v4 = Uint32Array.from(v4.flatMap(({ address, length }) => [numberOf(address), maskOf(length)]));
    this.#v6 = plain.filter(({ address }) => address.length !== V4);
  }

  /** @param address as text, without a zone */
  has(address: string): boolean {
    const v4 = this.#v4;
    if (v4.length === 0 && this.#v6.length === 0) return false;
    if (isIPv4(address)) {
      const number = numberOf(parseIp(address));
      for (let i = 0; i < v4.length; i += 2) if ((number & v4[i + 1]) >>> 0 === v4[i]) return true;
      return false;
    }
    if (this.#v6.length === 0 || !isIPv6(address)) return false;
    const bytes = parseIp(address);
    return this.#v6.some((prefix) => prefixContains(prefix, bytes));
  }
}

/** A prefix of mapped addresses as one of IPv4: as clients' addresses are written. */
function asV4(prefix: PlainPrefix): PlainPrefix {
  const { address, length } = prefix;
  if (length < MAPPED_BITS || !MAPPED.every((byte, i) => address[i] === byte)) return prefix;
  return { address: address.subarray(MAPPED.length), length: length - MAPPED_BITS };
}

function numberOf(address: Uint8Array): number {
  return ((address[0] << 24) | (address[1] << 16) | (address[2] << 8) | address[3]) >>> 0;
}

function maskOf(length: number): number {
  return length === 0 ? 0 : (-1 << (32 - length)) >>> 0;
}
