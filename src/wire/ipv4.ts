/** IPv4 with options (RFC 791). */
import { viewOf } from '../memory/internal.js';
import { checksum } from './checksum.js';
import { HeaderError } from './header-error.js';
import { bits, header, ipv4, u8, u16 } from './layout.js';

/** The header's fields in wire order, without options. */
export const ipv4Layout = header(
  'IPv4',
  bits(1, { version: 4, ihl: 4 }),
  bits(1, { dscp: 6, ecn: 2 }),
  u16('totalLength'),
  u16('identification'),
  bits(2, { reserved: 1, dontFragment: 1, moreFragments: 1, fragmentOffset: 13 }),
  u8('ttl'),
  u8('protocol'),
  u16('checksum'),
  ipv4('source'),
  ipv4('destination'),
);

/** Size of the header in bytes without options. */
export const IPV4_HEADER_LEN = ipv4Layout.span;
/** The largest header: 15 words of 4 bytes. */
export const IPV4_MAX_HEADER_LEN = 60;

/** First byte of a header without options: version 4 and 5 words. */
export const VERSION_4_IHL_5 = 0x45;
const TOS = ipv4Layout.bitsOf('dscp').offset;
const TOTAL_LENGTH = ipv4Layout.offsetOf('totalLength');
const IDENTIFICATION = ipv4Layout.offsetOf('identification');
const FRAGMENT = ipv4Layout.bitsOf('fragmentOffset').offset;
const TTL = ipv4Layout.offsetOf('ttl');
const PROTOCOL = ipv4Layout.offsetOf('protocol');
const CHECKSUM = ipv4Layout.offsetOf('checksum');
const SOURCE = ipv4Layout.offsetOf('source');
const DESTINATION = ipv4Layout.offsetOf('destination');
const DONT_FRAGMENT = 1 << ipv4Layout.bitsOf('dontFragment').shift;
const MORE_FRAGMENTS = 1 << ipv4Layout.bitsOf('moreFragments').shift;
const FRAGMENT_OFFSET_MASK = ipv4Layout.bitsOf('fragmentOffset').mask;

/**
 * Checks for an IPv4 header at `offset`, and its lengths.
 * @param end end of the bytes, at most `bytes.length`
 * @param limit end of the packet on the wire; beyond `end` if a snaplen truncated the capture
 * @param verifyChecksum whether to verify the header checksum
 * @returns `Short`, `BadVersion`, `BadHeaderLength` (IHL below 5), `LengthTooSmall` (total length below the header's),
 * `BadLength` (total length beyond `limit`), `BadChecksum` (only with `verifyChecksum`), or `None`
 */
export function checkIpv4(
  bytes: Uint8Array,
  offset: number,
  end: number,
  limit: number = end,
  verifyChecksum = false,
): HeaderError {
  if (offset + IPV4_HEADER_LEN > end) return HeaderError.Short;
  const first = bytes[offset];
  if (first >>> 4 !== 4) return HeaderError.BadVersion;
  const headerLength = (first & 0xf) * 4;
  if (headerLength < IPV4_HEADER_LEN) return HeaderError.BadHeaderLength;
  const totalLength = (bytes[offset + TOTAL_LENGTH] << 8) | bytes[offset + TOTAL_LENGTH + 1];
  if (totalLength < headerLength) return HeaderError.LengthTooSmall;
  if (offset + totalLength > limit) return HeaderError.BadLength;
  if (offset + headerLength > end) return HeaderError.Short;
  return verifyChecksum && !isIpv4ChecksumValid(bytes, offset) ? HeaderError.BadChecksum : HeaderError.None;
}

/**
 * Whether a header is valid except for a total length of 0, which a sender leaves for its NIC to fill in (TSO) or which
 * can't represent the size (BIG TCP, over 65,535 bytes). Such packets appear only in captures on the sending host: RFC
 * 791 forbids them on the wire. They are never fragments.
 * @param end end of the bytes, at most `bytes.length`
 */
export function isIpv4LengthUnset(bytes: Uint8Array, offset: number, end: number): boolean {
  if (offset + IPV4_HEADER_LEN > end) return false;
  const headerLength = (bytes[offset] & 0xf) * 4;
  if (bytes[offset] >>> 4 !== 4 || headerLength < IPV4_HEADER_LEN || offset + headerLength > end) return false;
  const fragment =
    ((bytes[offset + FRAGMENT] << 8) | bytes[offset + FRAGMENT + 1]) & (MORE_FRAGMENTS | FRAGMENT_OFFSET_MASK);
  return (bytes[offset + TOTAL_LENGTH] | bytes[offset + TOTAL_LENGTH + 1] | fragment) === 0;
}

/** Whether the header checksum is correct. Call `checkIpv4` first. */
export function isIpv4ChecksumValid(bytes: Uint8Array, offset: number): boolean {
  if (bytes[offset] === VERSION_4_IHL_5) return plainSum(viewOf(bytes), offset) === 0xffff;
  return checksum(bytes, offset, offset + (bytes[offset] & 0xf) * 4) === 0;
}

/** The one's complement sum of a header without options. */
function plainSum(view: DataView, offset: number): number {
  const a = view.getInt32(offset);
  const b = view.getInt32(offset + 4);
  const c = view.getInt32(offset + 8);
  const d = view.getInt32(offset + 12);
  const e = view.getInt32(offset + 16);
  let sum = (a >>> 16) + (a & 0xffff) + (b >>> 16) + (b & 0xffff) + (c >>> 16) + (c & 0xffff);
  sum += (d >>> 16) + (d & 0xffff) + (e >>> 16) + (e & 0xffff);
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}

/**
 * Writes a header without options, with its checksum.
 * @param bytes with 20 bytes at `offset`
 * @param tos DSCP and ECN
 * @param totalLength of header and payload in bytes, 20 to 65,535
 * @param fragmentation the second word: identification, flags, fragment offset
 * @param source source address as a 32-bit word, signed or not: 0xc0a83201 for 192.168.50.1
 * @param destination destination address, likewise
 */
export function writeIpv4(
  bytes: Uint8Array,
  offset: number,
  tos: number,
  totalLength: number,
  fragmentation: number,
  ttl: number,
  protocol: number,
  source: number,
  destination: number,
): void {
  const view = viewOf(bytes);
  const first = (VERSION_4_IHL_5 << 24) | (tos << 16) | totalLength;
  const third = (ttl << 24) | (protocol << 16);
  let sum = (first >>> 16) + totalLength + (fragmentation >>> 16) + (fragmentation & 0xffff) + (third >>> 16);
  sum += (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setInt32(offset, first);
  view.setInt32(offset + 4, fragmentation);
  view.setInt32(offset + 8, third | (~sum & 0xffff));
  view.setInt32(offset + 12, source);
  view.setInt32(offset + 16, destination);
}

/** Writes the total length, and the checksum of the header as it then is. Call `checkIpv4` first. */
export function writeIpv4Length(bytes: Uint8Array, offset: number, totalLength: number): void {
  bytes[offset + TOTAL_LENGTH] = totalLength >>> 8;
  bytes[offset + TOTAL_LENGTH + 1] = totalLength;
  writeIpv4Checksum(bytes, offset);
}

/** Computes and writes the header checksum. Call `checkIpv4` first. */
export function writeIpv4Checksum(bytes: Uint8Array, offset: number): void {
  bytes[offset + CHECKSUM] = 0;
  bytes[offset + CHECKSUM + 1] = 0;
  const sum = checksum(bytes, offset, offset + (bytes[offset] & 0xf) * 4);
  bytes[offset + CHECKSUM] = sum >>> 8;
  bytes[offset + CHECKSUM + 1] = sum;
}

/** In-place view of an IPv4 header. Call `checkIpv4` first. */
export class Ipv4View {
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;

  /** Binds the view to a header at `offset` that passed `checkIpv4`. */
  wrap(bytes: Uint8Array, offset: number): this {
    this.bytes = bytes;
    this.offset = offset;
    return this;
  }

  /** Header length in bytes, including options. */
  get headerLength(): number {
    return (this.bytes[this.offset] & 0xf) * 4;
  }

  /** DSCP and ECN as one byte. */
  get tos(): number {
    return this.bytes[this.offset + TOS];
  }

  set tos(value: number) {
    this.bytes[this.offset + TOS] = value;
  }

  /** Bytes of header and payload. */
  get totalLength(): number {
    const at = this.offset + TOTAL_LENGTH;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  /** Invalidates the result of `checkIpv4`. */
  set totalLength(value: number) {
    const at = this.offset + TOTAL_LENGTH;
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  get identification(): number {
    const at = this.offset + IDENTIFICATION;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  set identification(value: number) {
    const at = this.offset + IDENTIFICATION;
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  /** Flags and fragment offset as one 16-bit word. */
  get fragmentWord(): number {
    const at = this.offset + FRAGMENT;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  set fragmentWord(value: number) {
    const at = this.offset + FRAGMENT;
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  get dontFragment(): boolean {
    return (this.fragmentWord & DONT_FRAGMENT) !== 0;
  }

  get moreFragments(): boolean {
    return (this.fragmentWord & MORE_FRAGMENTS) !== 0;
  }

  /** Offset of this fragment's payload within the datagram's, in bytes. */
  get fragmentOffset(): number {
    return (this.fragmentWord & FRAGMENT_OFFSET_MASK) * 8;
  }

  /** Whether this is a fragment. */
  get isFragment(): boolean {
    return (this.fragmentWord & (MORE_FRAGMENTS | FRAGMENT_OFFSET_MASK)) !== 0;
  }

  get ttl(): number {
    return this.bytes[this.offset + TTL];
  }

  set ttl(value: number) {
    this.bytes[this.offset + TTL] = value;
  }

  get protocol(): number {
    return this.bytes[this.offset + PROTOCOL];
  }

  set protocol(value: number) {
    this.bytes[this.offset + PROTOCOL] = value;
  }

  get checksum(): number {
    const at = this.offset + CHECKSUM;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  set checksum(value: number) {
    const at = this.offset + CHECKSUM;
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  /** Byte offset of the source address (4 bytes); the destination's 4 follow it. */
  get sourceOffset(): number {
    return this.offset + SOURCE;
  }

  /** Byte offset of the destination address (4 bytes). */
  get destinationOffset(): number {
    return this.offset + DESTINATION;
  }

  /** Byte offset of the payload, after any options. */
  get payloadOffset(): number {
    return this.offset + this.headerLength;
  }

  /** Byte offset of the packet's end by its total length; beyond the bytes in a truncated capture. */
  get payloadEnd(): number {
    return this.offset + this.totalLength;
  }
}
