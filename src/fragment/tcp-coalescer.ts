/**
 * Coalesces consecutive TCP segments into one packet, as the kernel's receivers do (GRO, net/ipv4/tcp_offload.c), so
 * that later stages process one packet. The bytes stay in place; the first frame's headers apply to all.
 */
import { viewOf } from '../memory/internal.js';
import {
  ETHERNET_HEADER_LEN,
  HeaderError,
  IpProtocol,
  IPV4_HEADER_LEN,
  isIpv4ChecksumValid,
  IPV6_HEADER_LEN,
  Layers,
  onesSum,
  pseudoHeaderSum,
  TCP_CHECKSUM,
  TCP_HEADER_LEN,
  TcpFlag,
  tcpLayout,
  writeIpv4Length,
} from '../wire/index.js';
import { type Coalescer, hasSameHeaders, MAX_COALESCED_FRAMES, MAX_PACKET } from './coalescer.js';
import { MIN_SEGMENT } from './segmenter.js';

const SEQUENCE = tcpLayout.offsetOf('sequence');
const ACKNOWLEDGMENT = tcpLayout.offsetOf('acknowledgment');
const FLAGS_WORD = tcpLayout.bitsOf('dataOffset').offset;
const IPV6_LENGTH = 4;
const PUSH = TcpFlag.Psh << 16;
const FLAG_BITS = 0xff << 16;
const ACK = TcpFlag.Ack << 16;

/** Pending segments of one connection. All are in one array, and stay there until `clear`. */
export class TcpCoalescer implements Coalescer {
  /**
   * Number of pending frames. `start` and `end` bound what each contributes: the first the whole frame, the others only
   * their payload.
   */
  count = 0;
  readonly start = new Int32Array(MAX_COALESCED_FRAMES);
  readonly end = new Int32Array(MAX_COALESCED_FRAMES);
  /** TCP payload in bytes of each segment but the last, which may have less. */
  size = 0;
  /** 4 or 6. */
  family = 0;
  /** Offsets of the TCP header and of its payload within the frame. */
  transport = 0;
  headers = 0;
  /** Offset of the checksum in the TCP header. */
  readonly checksum = TCP_CHECKSUM;
  /** Whether the first frame's checksum is partial. */
  isPartial = false;
  /** Whether no further frame may join. */
  complete = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  #nextSequence = 0;
  /** Data offset, flags and window of the first frame, and whether the last one has PSH. */
  #flags = 0;
  #lastHasPush = false;
  #firstChecksum = 0;
  readonly #layers = new Layers();
  readonly #partial: boolean;

  /**
   * @param partial accept checksums that are the pseudo-header's sum alone (CHECKSUM_PARTIAL), without verifying the
   * payload
   */
  constructor(partial = false) {
    this.#partial = partial;
  }

  /**
   * Adds a frame to the pending ones, if there are any and it continues them.
   * @param bytes holds it, from its Ethernet header at `start` to `end`
   * @returns whether it was added; if not, send the pending ones first, then offer it again or send it alone
   */
  offer(bytes: Uint8Array, start: number, end: number): boolean {
    const layers = this.#layers;
    return layers.walkEthernet(bytes, start, end) === HeaderError.None && this.add(bytes, layers, start, end);
  }

  add(bytes: Uint8Array, layers: Layers, start: number, end: number): boolean {
    if (this.complete || !isPlainData(bytes, layers, start, end)) return false;
    const { transportOffset, payloadOffset } = layers;
    const view = viewOf(bytes);
    const flags = view.getInt32(transportOffset + FLAGS_WORD);
    const sequence = view.getInt32(transportOffset + SEQUENCE);
    const size = end - payloadOffset;
    if (this.count > 0) {
      if (bytes !== this.#bytes || sequence !== this.#nextSequence || size > this.size) return false;
      if (this.count === MAX_COALESCED_FRAMES || this.#length + size > MAX_PACKET) return false;
      if (((flags ^ this.#flags) & ~PUSH) !== 0 || !this.#isSameFlow(view, layers, start)) return false;
    }
    // Last, since it reads the whole frame.
    const pseudo = pseudoHeaderSum(layers.family, bytes, layers.addressOffset, IpProtocol.Tcp, end - transportOffset);
    const isPartial = this.#partial && view.getUint16(transportOffset + TCP_CHECKSUM) === pseudo;
    if (!isPartial && onesSum(bytes, transportOffset, end, pseudo) !== 0xffff) return false;
    if (this.count > 0) {
      this.start[this.count] = payloadOffset;
    } else {
      this.#bytes = bytes;
      this.size = size;
      this.family = layers.family;
      this.transport = transportOffset - start;
      this.headers = payloadOffset - start;
      this.isPartial = isPartial;
      this.#flags = flags;
      this.#firstChecksum = view.getUint16(transportOffset + TCP_CHECKSUM);
      this.#length = end - start - ETHERNET_HEADER_LEN;
      this.start[0] = start;
    }
    if (this.count > 0) this.#length += size;
    this.end[this.count++] = end;
    this.#nextSequence = (sequence + size) | 0;
    this.#lastHasPush = (flags & PUSH) !== 0;
    // Don't coalesce segments smaller than `Segmenter` accepts: nothing could segment the packet again.
    const tooSmall = this.size + this.headers - this.transport < TCP_HEADER_LEN + MIN_SEGMENT;
    this.complete = this.#lastHasPush || size < this.size || tooSmall;
    return true;
  }

  /** As `Coalescer.finish`; also sets the last segment's PSH. */
  finish(): void {
    const bytes = this.#bytes;
    const tcp = this.start[0] + this.transport;
    this.#putLength(this.#length);
    if (this.#lastHasPush) viewOf(bytes).setInt32(tcp + FLAGS_WORD, this.#flags | PUSH);
    const addresses = tcp - (this.family === 4 ? 8 : 32);
    const length = this.#length - (this.transport - ETHERNET_HEADER_LEN);
    const sum = pseudoHeaderSum(this.family, bytes, addresses, IpProtocol.Tcp, length);
    viewOf(bytes).setUint16(tcp + TCP_CHECKSUM, sum);
  }

  restore(): void {
    const view = viewOf(this.#bytes);
    const tcp = this.start[0] + this.transport;
    this.#putLength(this.headers - ETHERNET_HEADER_LEN + this.size);
    view.setInt32(tcp + FLAGS_WORD, this.#flags);
    view.setUint16(tcp + TCP_CHECKSUM, this.#firstChecksum);
  }

  /** Forgets the pending frames. */
  clear(): void {
    this.count = 0;
    this.complete = false;
  }

  /** Writes the length of the first frame's IP packet. */
  #putLength(packet: number): void {
    const ip = this.start[0] + ETHERNET_HEADER_LEN;
    if (this.family === 4) writeIpv4Length(this.#bytes, ip, packet);
    else viewOf(this.#bytes).setUint16(ip + IPV6_LENGTH, packet - IPV6_HEADER_LEN);
  }

  /** Whether a frame's headers equal the first one's, except lengths, checksums, identification and sequence number. */
  #isSameFlow(view: DataView, layers: Layers, start: number): boolean {
    const first = this.start[0];
    if (layers.family !== this.family || layers.payloadOffset - start !== this.headers) return false;
    if (!hasSameHeaders(view, this.family, start, first, this.count)) return false;
    const tcp = start + this.transport;
    const tcpBefore = first + this.transport;
    if (view.getInt32(tcp + ACKNOWLEDGMENT) !== view.getInt32(tcpBefore + ACKNOWLEDGMENT)) return false;
    // TCP's options.
    for (let at = TCP_HEADER_LEN; at < this.headers - this.transport; at += 4) {
      if (view.getInt32(tcp + at) !== view.getInt32(tcpBefore + at)) return false;
    }
    return true;
  }
}

/** Whether a frame is ordinary, complete TCP data; its TCP checksum is verified later. */
function isPlainData(bytes: Uint8Array, layers: Layers, start: number, end: number): boolean {
  const { family, networkOffset, transportOffset, payloadOffset, networkEnd } = layers;
  if (layers.protocol !== IpProtocol.Tcp) return false;
  const span = family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
  if (networkOffset !== start + ETHERNET_HEADER_LEN || transportOffset !== networkOffset + span) return false;
  if (layers.isFragment || networkEnd !== end || payloadOffset >= end) return false;
  if ((viewOf(bytes).getInt32(transportOffset + FLAGS_WORD) & FLAG_BITS & ~PUSH) !== ACK) return false;
  return family !== 4 || isIpv4ChecksumValid(bytes, networkOffset);
}
