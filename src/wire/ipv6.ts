/** The fixed IPv6 header (RFC 8200 section 3). What follows it is in ipv6-extension.ts. */
import { viewOf } from '../memory/internal.js';
import { HeaderError } from './header-error.js';
import { bits, header, ipv6, u8, u16 } from './layout.js';

/** The header's fields in wire order. */
export const ipv6Layout = header(
  'IPv6',
  bits(4, { version: 4, dscp: 6, ecn: 2, flowLabel: 20 }),
  u16('payloadLength'),
  u8('nextHeader'),
  u8('hopLimit'),
  ipv6('source'),
  ipv6('destination'),
);

/** Size of the header in bytes. */
export const IPV6_HEADER_LEN = ipv6Layout.span;

const VERSION_6 = 6;
const PAYLOAD_LENGTH = ipv6Layout.offsetOf('payloadLength');
const NEXT_HEADER = ipv6Layout.offsetOf('nextHeader');
const HOP_LIMIT = ipv6Layout.offsetOf('hopLimit');
const SOURCE = ipv6Layout.offsetOf('source');
const DESTINATION = ipv6Layout.offsetOf('destination');

/**
 * Checks for an IPv6 header at `offset`, and its payload length. A jumbogram (RFC 2675, payload length 0 with a
 * hop-by-hop option) reads as a packet without payload.
 * @param end end of the bytes, at most `bytes.length`
 * @param limit end of the packet on the wire; beyond `end` if a snaplen truncated the capture
 * @returns `Short`, `BadVersion`, `BadLength` (payload length beyond `limit`), or `None`
 */
export function checkIpv6(bytes: Uint8Array, offset: number, end: number, limit: number = end): HeaderError {
  if (offset + IPV6_HEADER_LEN > end) return HeaderError.Short;
  if (bytes[offset] >>> 4 !== 6) return HeaderError.BadVersion;
  const payloadLength = (bytes[offset + PAYLOAD_LENGTH] << 8) | bytes[offset + PAYLOAD_LENGTH + 1];
  if (offset + IPV6_HEADER_LEN + payloadLength > limit) return HeaderError.BadLength;
  return HeaderError.None;
}

/**
 * Writes the first 8 bytes of a header, without a flow label. The addresses that follow are up to the caller.
 * @param bytes with 8 bytes at `offset`
 * @param trafficClass DSCP and ECN
 * @param payloadLength bytes after the header, including extension headers, at most 65,535
 */
export function writeIpv6(
  bytes: Uint8Array,
  offset: number,
  trafficClass: number,
  payloadLength: number,
  nextHeader: number,
  hopLimit: number,
): void {
  const view = viewOf(bytes);
  view.setInt32(offset, (VERSION_6 << 28) | (trafficClass << 20));
  view.setInt32(offset + 4, (payloadLength << 16) | (nextHeader << 8) | hopLimit);
}

/** The jumbo payload option's type and length (RFC 2675 section 2). */
const JUMBO_OPTION = 0xc2;
const JUMBO_LENGTH = 4;

/**
 * The jumbo payload length (RFC 2675) from the hop-by-hop options at `offset`.
 * @param end end of the bytes, at most `bytes.length`
 * @returns bytes after the IPv6 header, or -1 if there is no such option
 */
export function ipv6JumboLength(bytes: Uint8Array, offset: number, end: number): number {
  if (offset + 8 > end) return -1;
  const stop = Math.min(end, offset + (bytes[offset + 1] + 1) * 8);
  let at = offset + 2;
  while (at + 2 <= stop) {
    // Pad1 is the only option without a length.
    if (bytes[at] === 0) {
      at++;
      continue;
    }
    const length = bytes[at + 1];
    if (bytes[at] === JUMBO_OPTION && length === JUMBO_LENGTH && at + 6 <= stop) {
      return ((bytes[at + 2] << 24) | (bytes[at + 3] << 16) | (bytes[at + 4] << 8) | bytes[at + 5]) >>> 0;
    }
    at += 2 + length;
  }
  return -1;
}

/** In-place view of an IPv6 header. Call `checkIpv6` first. */
export class Ipv6View {
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;

  /** Binds the view to a header at `offset` that passed `checkIpv6`. */
  wrap(bytes: Uint8Array, offset: number): this {
    this.bytes = bytes;
    this.offset = offset;
    return this;
  }

  /** DSCP and ECN as one byte. */
  get trafficClass(): number {
    return ((this.bytes[this.offset] << 4) | (this.bytes[this.offset + 1] >>> 4)) & 0xff;
  }

  set trafficClass(value: number) {
    const { bytes, offset } = this;
    bytes[offset] = (bytes[offset] & 0xf0) | ((value >>> 4) & 0xf);
    bytes[offset + 1] = (bytes[offset + 1] & 0x0f) | ((value & 0xf) << 4);
  }

  get flowLabel(): number {
    const at = this.offset + 1;
    return ((this.bytes[at] & 0xf) << 16) | (this.bytes[at + 1] << 8) | this.bytes[at + 2];
  }

  /** Bytes after this header, including extension headers. */
  get payloadLength(): number {
    const at = this.offset + PAYLOAD_LENGTH;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  /** Invalidates the result of `checkIpv6`. */
  set payloadLength(value: number) {
    const at = this.offset + PAYLOAD_LENGTH;
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  get nextHeader(): number {
    return this.bytes[this.offset + NEXT_HEADER];
  }

  set nextHeader(value: number) {
    this.bytes[this.offset + NEXT_HEADER] = value;
  }

  /** Byte offset of the next-header field itself. */
  get nextHeaderOffset(): number {
    return this.offset + NEXT_HEADER;
  }

  get hopLimit(): number {
    return this.bytes[this.offset + HOP_LIMIT];
  }

  set hopLimit(value: number) {
    this.bytes[this.offset + HOP_LIMIT] = value;
  }

  /** Byte offset of the source address (16 bytes); the destination's 16 follow it. */
  get sourceOffset(): number {
    return this.offset + SOURCE;
  }

  /** Byte offset of the destination address (16 bytes). */
  get destinationOffset(): number {
    return this.offset + DESTINATION;
  }

  get payloadOffset(): number {
    return this.offset + IPV6_HEADER_LEN;
  }

  /** Byte offset of the packet's end by its payload length; beyond the bytes in a truncated capture. */
  get payloadEnd(): number {
    return this.offset + IPV6_HEADER_LEN + this.payloadLength;
  }
}
