/**
 * Segments a TCP packet larger than any link's MTU, as a NIC with TSO does
 * (Documentation/networking/segmentation-offloads.rst): the sender left segmentation and checksums to the NIC. So does a
 * sender of UDP with UDP_SEGMENT (USO): the payload of each segment is a datagram of its own.
 */
import { checkRange, viewOf } from '../memory/internal.js';
import {
  HeaderError,
  IpProtocol,
  IPV6_HEADER_LEN,
  Layers,
  onesSum,
  pseudoHeaderSum,
  TCP_CHECKSUM,
  TCP_HEADER_LEN,
  TcpFlag,
  tcpLayout,
  UDP_CHECKSUM,
  writeIpv4Length,
} from '../wire/index.js';

const SEQUENCE = tcpLayout.offsetOf('sequence');
const FLAGS = tcpLayout.bitsOf('dataOffset').offset + 1;
const IPV4_IDENTIFICATION = 4;
const IPV6_LENGTH = 4;
/** Flags of only the last segment, and of only the first. */
const LAST = TcpFlag.Fin | TcpFlag.Psh;
const FIRST = TcpFlag.Cwr;

/**
 * The smallest TCP payload plus options in bytes that Linux's TCP sends (TCP_MIN_SND_MSS, include/net/tcp.h): no path
 * needs less, and smaller segments would turn one frame into thousands of packets (CVE-2019-11479).
 */
export const MIN_SEGMENT = 48;
/** Maximum number of segments per frame: enough for over 64 KiB in segments of `MIN_SEGMENT` bytes with timestamps. */
export const MAX_SEGMENTS = 2048;
/** The same for UDP, where a socket's call is one frame (UDP_MAX_SEGMENTS, include/linux/udp.h). */
const MAX_DATAGRAMS = 128;
const UDP_LENGTH = 4;

/** Segments one frame after another: `begin`, then `next` until it returns 0. Allocates nothing. */
export class Segmenter {
  /** Number of segments of the frame. */
  count = 0;
  /** Whether `begin` refused the last frame because its segments would be too small or too many. */
  tooSmall = false;
  /** TCP or UDP. */
  protocol = 0;
  /** Where the payload of the segment last written is in the frame's bytes. */
  payloadStart = 0;
  payloadEnd = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #network = 0;
  #family = 0;
  #transport = 0;
  #payload = 0;
  #end = 0;
  #size = 0;
  #emitted = 0;
  /** Sum of the pseudo-header without its length. */
  #pseudo = 0;
  #view = viewOf(this.#bytes);
  readonly #layers = new Layers();

  /**
   * Begins to segment a frame. Its bytes must not change until the last `next`.
   * @param bytes holds the frame, from its Ethernet header at `start` to `end`
   * @param size payload per segment in bytes: with TCP, at least 48 with TCP's options, and enough that `MAX_SEGMENTS`
   * suffice, and 128 with UDP; otherwise `tooSmall` is set
   * @returns whether it is a TCP or UDP packet that can be segmented
   * @throws MemoryError `BAD_RANGE`
   */
  begin(bytes: Uint8Array, start: number, end: number, size: number): boolean {
    checkRange(bytes, start, end);
    this.count = 0;
    this.#emitted = 0;
    this.tooSmall = false;
    const layers = this.#layers;
    if (layers.walkEthernet(bytes, start, end) !== HeaderError.None) return false;
    const { protocol } = layers;
    const tcp = protocol === IpProtocol.Tcp;
    if (!tcp && protocol !== IpProtocol.Udp) return false;
    if (layers.isFragment || layers.payloadEnd <= layers.payloadOffset) return false;
    const options = layers.payloadOffset - layers.transportOffset - TCP_HEADER_LEN;
    const least = Math.ceil((layers.payloadEnd - layers.payloadOffset) / (tcp ? MAX_SEGMENTS : MAX_DATAGRAMS));
    if (size < least || size === 0 || (tcp && size < MIN_SEGMENT - options)) {
      this.tooSmall = true;
      return false;
    }
    this.#bytes = bytes;
    this.#start = start;
    this.#network = layers.networkOffset - start;
    this.#family = layers.family;
    this.#transport = layers.transportOffset - start;
    this.#payload = layers.payloadOffset;
    this.#end = layers.payloadEnd;
    this.#size = size;
    this.#view = viewOf(bytes);
    this.protocol = protocol;
    this.#pseudo = pseudoHeaderSum(layers.family, bytes, layers.addressOffset, protocol, 0);
    this.count = Math.ceil((layers.payloadEnd - layers.payloadOffset) / size);
    return true;
  }

  /** Size of each segment's headers in bytes, from Ethernet to TCP or UDP. */
  get headerBytes(): number {
    return this.#payload - this.#start;
  }

  /** Size of the largest segment's frame in bytes. */
  get frameBytes(): number {
    return this.#payload - this.#start + Math.min(this.#size, this.#end - this.#payload);
  }

  /** Size of the next segment's frame in bytes. */
  get nextFrameBytes(): number {
    const from = this.#payload + this.#emitted * this.#size;
    return this.#payload - this.#start + Math.min(this.#size, this.#end - from);
  }

  /** Number of segments that are left. */
  get left(): number {
    return this.count - this.#emitted;
  }

  /** Whether segments are left. */
  get pending(): boolean {
    return this.#emitted < this.count;
  }

  /**
   * Writes the next segment's frame.
   * @param target with room for `frameBytes` at `offset`; must not overlap the frame
   * @returns its size in bytes, or 0 if there are no more
   */
  next(target: Uint8Array, offset: number): number {
    if (!this.pending) return 0;
    const headers = this.nextHeaders(target, offset);
    target.set(this.#bytes.subarray(this.payloadStart, this.payloadEnd), offset + headers);
    return headers + this.payloadEnd - this.payloadStart;
  }

  /**
   * Writes only the headers of the next segment's frame, with the checksum over its payload, which stays where it is:
   * from `payloadStart` to `payloadEnd` in the frame's bytes.
   * @param target with room for the headers at `offset`; must not overlap the frame
   * @returns their size in bytes, or 0 if there are no more
   */
  nextHeaders(target: Uint8Array, offset: number): number {
    if (!this.pending) return 0;
    const index = this.#emitted++;
    const from = this.#payload + index * this.#size;
    const to = Math.min(from + this.#size, this.#end);
    this.payloadStart = from;
    this.payloadEnd = to;
    const headers = this.#payload - this.#start;
    const view = viewOf(target);
    this.#copyHeaders(view, offset, headers);
    const ip = offset + this.#network;
    const transport = offset + this.#transport;
    const payload = offset + headers;
    const length = to - from;
    if (this.#family === 4) {
      view.setUint16(ip + IPV4_IDENTIFICATION, (view.getUint16(ip + IPV4_IDENTIFICATION) + index) & 0xffff);
      writeIpv4Length(target, ip, payload + length - ip);
    } else {
      view.setUint16(ip + IPV6_LENGTH, payload + length - ip - IPV6_HEADER_LEN);
    }
    const sent = this.#pseudo + payload - transport + length;
    if (this.protocol === IpProtocol.Udp) {
      view.setUint16(transport + UDP_LENGTH, payload - transport + length);
      this.#putChecksum(target, transport, payload, transport + UDP_CHECKSUM, sent);
      return headers;
    }
    view.setUint32(transport + SEQUENCE, (view.getUint32(transport + SEQUENCE) + index * this.#size) >>> 0);
    if (to < this.#end) target[transport + FLAGS] &= ~LAST;
    if (index > 0) target[transport + FLAGS] &= ~FIRST;
    this.#putChecksum(target, transport, payload, transport + TCP_CHECKSUM, sent);
    return headers;
  }

  /** Writes the checksum of the transport header from one offset to another, and of the payload. */
  #putChecksum(target: Uint8Array, transport: number, payload: number, field: number, pseudo: number): void {
    const view = viewOf(target);
    view.setUint16(field, 0);
    const headers = onesSum(target, transport, payload, pseudo);
    const sum = ~onesSum(this.#bytes, this.payloadStart, this.payloadEnd, headers) & 0xffff;
    // Zero would mean no checksum in UDP.
    view.setUint16(field, this.protocol === IpProtocol.Udp ? sum || 0xffff : sum);
  }

  #copyHeaders(view: DataView, offset: number, length: number): void {
    const source = this.#view;
    const start = this.#start;
    let i = 0;
    for (; i + 4 <= length; i += 4) view.setInt32(offset + i, source.getInt32(start + i));
    for (; i < length; i++) view.setUint8(offset + i, source.getUint8(start + i));
  }
}
