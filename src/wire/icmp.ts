/** ICMP for IPv4 (RFC 792, RFC 1191 for "fragmentation needed"). */
import { checksum } from './checksum.js';
import { HeaderError } from './header-error.js';
import { header, u8, u16 } from './layout.js';

/**
 * The message's first 8 bytes; error messages use `identifier` and `sequence` differently (RFC 1191: 0 and the MTU).
 */
export const icmpLayout = header('ICMP', u8('type'), u8('code'), u16('checksum'), u16('identifier'), u16('sequence'));

/** Size of the header in bytes. */
export const ICMP_HEADER_LEN = icmpLayout.span;

/** ICMP types. */
export const IcmpType = {
  EchoReply: 0,
  Unreachable: 3,
  SourceQuench: 4,
  Redirect: 5,
  EchoRequest: 8,
  TimeExceeded: 11,
  ParameterProblem: 12,
} as const;
/** The `Unreachable` code "fragmentation needed and DF set" (RFC 1191). */
export const ICMP_FRAGMENTATION_NEEDED = 4;

/** Whether a message of a type is an error, which quotes the packet that it is about. */
export function isIcmpError(type: number): boolean {
  switch (type) {
    case IcmpType.Unreachable:
    case IcmpType.SourceQuench:
    case IcmpType.Redirect:
    case IcmpType.TimeExceeded:
    case IcmpType.ParameterProblem:
      return true;
    default:
      return false;
  }
}

const CHECKSUM = icmpLayout.offsetOf('checksum');
const IDENTIFIER = icmpLayout.offsetOf('identifier');
const SEQUENCE = icmpLayout.offsetOf('sequence');

/**
 * Checks for an ICMP header at `offset`.
 * @param end end of the message, at most `bytes.length`
 * @param verifyChecksum whether to verify the checksum, for which the whole message must be present
 * @returns `Short`, `BadChecksum` (only with `verifyChecksum`), or `None`
 */
export function checkIcmp(bytes: Uint8Array, offset: number, end: number, verifyChecksum = false): HeaderError {
  if (offset + ICMP_HEADER_LEN > end) return HeaderError.Short;
  return verifyChecksum && checksum(bytes, offset, end) !== 0 ? HeaderError.BadChecksum : HeaderError.None;
}

/** In-place view of an ICMP header. Call `checkIcmp` first. */
export class IcmpView {
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;

  /** Binds the view to a header at `offset` that passed `checkIcmp`. */
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
    const at = this.offset + IDENTIFIER;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  /** The sequence number of an echo. */
  get sequence(): number {
    const at = this.offset + SEQUENCE;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  /** The next-hop MTU of "fragmentation needed", in bytes (RFC 1191 section 4). */
  get mtu(): number {
    return this.sequence;
  }

  set mtu(value: number) {
    const at = this.offset + SEQUENCE;
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  get payloadOffset(): number {
    return this.offset + ICMP_HEADER_LEN;
  }
}
