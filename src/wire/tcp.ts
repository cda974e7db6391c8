/** TCP with options (RFC 9293 section 3.1). */
import { HeaderError } from './header-error.js';
import { bits, header, u16, u32 } from './layout.js';

/** The header's fields in wire order, without options. */
export const tcpLayout = header(
  'TCP',
  u16('sourcePort'),
  u16('destinationPort'),
  u32('sequence'),
  u32('acknowledgment'),
  bits(2, { dataOffset: 4, reserved: 4, cwr: 1, ece: 1, urg: 1, ack: 1, psh: 1, rst: 1, syn: 1, fin: 1 }),
  u16('window'),
  u16('checksum'),
  u16('urgentPointer'),
);

/** Size of the header in bytes without options. */
export const TCP_HEADER_LEN = tcpLayout.span;

/** The flag byte's bits. */
export const TcpFlag = { Fin: 1, Syn: 2, Rst: 4, Psh: 8, Ack: 16, Urg: 32, Ece: 64, Cwr: 128 } as const;

const SOURCE_PORT = tcpLayout.offsetOf('sourcePort');
const DESTINATION_PORT = tcpLayout.offsetOf('destinationPort');
const SEQUENCE = tcpLayout.offsetOf('sequence');
const ACKNOWLEDGMENT = tcpLayout.offsetOf('acknowledgment');
const DATA_OFFSET = tcpLayout.bitsOf('dataOffset').offset;
const FLAGS = DATA_OFFSET + 1;
const WINDOW = tcpLayout.offsetOf('window');
const CHECKSUM = tcpLayout.offsetOf('checksum');

/**
 * Checks for a TCP header at `offset`.
 * @param end end of the bytes, at most `bytes.length`
 * @param limit end of the IP payload; beyond `end` if a snaplen truncated the capture
 * @returns `Short`, `BadHeaderLength` (data offset below 5 or beyond `limit`), or `None`
 */
export function checkTcp(bytes: Uint8Array, offset: number, end: number, limit: number = end): HeaderError {
  if (offset + TCP_HEADER_LEN > end) return HeaderError.Short;
  const headerLength = (bytes[offset + DATA_OFFSET] >>> 4) * 4;
  if (headerLength < TCP_HEADER_LEN || offset + headerLength > limit) return HeaderError.BadHeaderLength;
  if (offset + headerLength > end) return HeaderError.Short;
  return HeaderError.None;
}

/** In-place view of a TCP header. Call `checkTcp` first. */
export class TcpView {
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;

  /** Binds the view to a header at `offset` that passed `checkTcp`. */
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

  get sequence(): number {
    const at = this.offset + SEQUENCE;
    const { bytes } = this;
    return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  }

  get acknowledgment(): number {
    const at = this.offset + ACKNOWLEDGMENT;
    const { bytes } = this;
    return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  }

  /** Header length in bytes, including options. */
  get headerLength(): number {
    return (this.bytes[this.offset + DATA_OFFSET] >>> 4) * 4;
  }

  /** Bits of `TcpFlag`. */
  get flags(): number {
    return this.bytes[this.offset + FLAGS];
  }

  get window(): number {
    const at = this.offset + WINDOW;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
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
    return this.offset + this.headerLength;
  }
}
