/** UDP (RFC 768). */
import { viewOf } from '../memory/internal.js';
import { onesSum, pseudoHeaderSum } from './checksum.js';
import { HeaderError } from './header-error.js';
import { IpProtocol } from './ip-protocol.js';
import { header, u16 } from './layout.js';

/** The header's fields in wire order. */
export const udpLayout = header('UDP', u16('sourcePort'), u16('destinationPort'), u16('length'), u16('checksum'));

/** Size of the header in bytes. */
export const UDP_HEADER_LEN = udpLayout.span;

const SOURCE_PORT = udpLayout.offsetOf('sourcePort');
const DESTINATION_PORT = udpLayout.offsetOf('destinationPort');
const LENGTH = udpLayout.offsetOf('length');
const CHECKSUM = udpLayout.offsetOf('checksum');

/**
 * Checks for a UDP header at `offset`, and its length.
 * @param end end of the bytes, at most `bytes.length`
 * @param limit end of the IP payload; beyond `end` if a snaplen truncated the capture
 * @returns `Short`, `LengthTooSmall` (below 8), `BadLength` (beyond `limit`), or `None`
 */
export function checkUdp(bytes: Uint8Array, offset: number, end: number, limit: number = end): HeaderError {
  if (offset + UDP_HEADER_LEN > end) return HeaderError.Short;
  const length = (bytes[offset + LENGTH] << 8) | bytes[offset + LENGTH + 1];
  if (length < UDP_HEADER_LEN) return HeaderError.LengthTooSmall;
  if (offset + length > limit) return HeaderError.BadLength;
  return HeaderError.None;
}

/**
 * Whether the UDP checksum is correct; `checkUdp` can't verify it without the IP addresses. Zero means "no checksum"
 * and is valid over IPv4 (RFC 768), but not over IPv6 (RFC 8200 section 8.1; RFC 6935 makes an exception for tunnels).
 * The whole datagram must be present. Call `checkUdp` first.
 * @param family 4 or 6
 * @param addressOffset byte offset of the IP header's source address, followed by the destination address
 */
export function isUdpChecksumValid(bytes: Uint8Array, offset: number, family: number, addressOffset: number): boolean {
  const view = viewOf(bytes);
  const word = view.getInt32(offset + LENGTH);
  if ((word & 0xffff) === 0) return family === 4;
  const length = word >>> 16;
  const pseudo =
    family === 4
      ? plainPseudoSum(view, addressOffset, length)
      : pseudoHeaderSum(family, bytes, addressOffset, IpProtocol.Udp, length);
  return onesSum(bytes, offset, offset + length, pseudo) === 0xffff;
}

/** The IPv4 pseudo-header sum, by words. */
function plainPseudoSum(view: DataView, addressOffset: number, length: number): number {
  const source = view.getInt32(addressOffset);
  const destination = view.getInt32(addressOffset + 4);
  return (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + IpProtocol.Udp + length;
}

/** In-place view of a UDP header. Call `checkUdp` first. */
export class UdpView {
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;

  /** Binds the view to a header at `offset` that passed `checkUdp`. */
  wrap(bytes: Uint8Array, offset: number): this {
    this.bytes = bytes;
    this.offset = offset;
    return this;
  }

  get sourcePort(): number {
    const at = this.offset + SOURCE_PORT;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  set sourcePort(value: number) {
    const at = this.offset + SOURCE_PORT;
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  get destinationPort(): number {
    const at = this.offset + DESTINATION_PORT;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  set destinationPort(value: number) {
    const at = this.offset + DESTINATION_PORT;
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  /** Bytes of header and payload. */
  get length(): number {
    const at = this.offset + LENGTH;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  /** Invalidates the result of `checkUdp`. */
  set length(value: number) {
    const at = this.offset + LENGTH;
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
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

  get payloadOffset(): number {
    return this.offset + UDP_HEADER_LEN;
  }

  /** Byte offset of the datagram's end by its length; beyond the bytes in a truncated capture. */
  get payloadEnd(): number {
    return this.offset + this.length;
  }
}
