/** ICMPv6 (RFC 4443) and the messages of neighbour discovery (RFC 4861). */
import { HeaderError } from './header-error.js';
import { header, ipv6, u8, u16, u32 } from './layout.js';

/** The common start of every message; `body` is the MTU of "packet too big", or identifier and sequence of an echo. */
export const icmpv6Layout = header('ICMPv6', u8('type'), u8('code'), u16('checksum'), u32('body'));

/** A neighbour solicitation or advertisement without its options (RFC 4861 section 4.3). */
export const neighbourLayout = header(
  'neighbour discovery',
  u8('type'),
  u8('code'),
  u16('checksum'),
  u32('flags'),
  ipv6('target'),
);

/** Size of the common header in bytes. */
export const ICMPV6_HEADER_LEN = icmpv6Layout.span;
/** Size of a solicitation or advertisement in bytes, without options. */
export const NEIGHBOUR_MESSAGE_LEN = neighbourLayout.span;

/** ICMPv6 types. */
export const Icmpv6Type = {
  Unreachable: 1,
  PacketTooBig: 2,
  TimeExceeded: 3,
  ParameterProblem: 4,
  EchoRequest: 128,
  EchoReply: 129,
  RouterSolicitation: 133,
  RouterAdvertisement: 134,
  NeighbourSolicitation: 135,
  NeighbourAdvertisement: 136,
  MulticastListenerReport: 143,
} as const;

const CHECKSUM = icmpv6Layout.offsetOf('checksum');
const BODY = icmpv6Layout.offsetOf('body');
const TARGET = neighbourLayout.offsetOf('target');

/**
 * Checks for an ICMPv6 message at `offset`; a solicitation or advertisement must include its target.
 * @returns `Short` or `None`
 */
export function checkIcmpv6(bytes: Uint8Array, offset: number, end: number): HeaderError {
  if (offset + ICMPV6_HEADER_LEN > end) return HeaderError.Short;
  const type = bytes[offset];
  const neighbour = type === Icmpv6Type.NeighbourSolicitation || type === Icmpv6Type.NeighbourAdvertisement;
  return neighbour && offset + NEIGHBOUR_MESSAGE_LEN > end ? HeaderError.Short : HeaderError.None;
}

/** In-place view of an ICMPv6 message. Call `checkIcmpv6` first. */
export class Icmpv6View {
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;

  /** Binds the view to a message at `offset` that passed `checkIcmpv6`. */
  wrap(bytes: Uint8Array, offset: number): this {
    this.bytes = bytes;
    this.offset = offset;
    return this;
  }

  get type(): number {
    return this.bytes[this.offset];
  }

  set type(value: number) {
    this.bytes[this.offset] = value;
  }

  get code(): number {
    return this.bytes[this.offset + 1];
  }

  set code(value: number) {
    this.bytes[this.offset + 1] = value;
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

  /** The identifier of an echo. */
  get identifier(): number {
    const at = this.offset + BODY;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  /** The sequence number of an echo. */
  get sequence(): number {
    const at = this.offset + BODY + 2;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  /** The MTU of "packet too big", in bytes. */
  get mtu(): number {
    const at = this.offset + BODY;
    const { bytes } = this;
    return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  }

  set mtu(value: number) {
    const at = this.offset + BODY;
    this.bytes[at] = value >>> 24;
    this.bytes[at + 1] = value >>> 16;
    this.bytes[at + 2] = value >>> 8;
    this.bytes[at + 3] = value;
  }

  /** Byte offset of the target (16 bytes) of a solicitation or advertisement. */
  get targetOffset(): number {
    return this.offset + TARGET;
  }

  get payloadOffset(): number {
    return this.offset + ICMPV6_HEADER_LEN;
  }
}
