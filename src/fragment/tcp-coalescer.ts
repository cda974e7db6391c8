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
import { MIN_SEGMENT } from './tcp-segmenter.js';

/** Maximum number of frames per coalesced packet. */
export const MAX_COALESCED_FRAMES = 64;
/** Largest value of IP's length field. */
const MAX_PACKET = 0xffff;

const SEQUENCE = tcpLayout.offsetOf('sequence');
const ACKNOWLEDGMENT = tcpLayout.offsetOf('acknowledgment');
const FLAGS_WORD = tcpLayout.bitsOf('dataOffset').offset;
const IPV4_ID = 4;
const IPV4_FLAGS = 6;
const DONT_FRAGMENT = 0x4000;
const IPV4_TTL = 8;
const IPV6_LENGTH = 4;
const IPV6_NEXT_HEADER = 6;
const PUSH = TcpFlag.Psh << 16;
const FLAG_BITS = 0xff << 16;
const ACK = TcpFlag.Ack << 16;

/** Pending segments of one connection. All are in one array, and stay there until `clear`. */
export class TcpCoalescer {
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
  /** Whether no further frame may join. */
  complete = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  #nextSequence = 0;
  /** Data offset, flags and window of the first frame, and whether the last one has PSH. */
  #flags = 0;
  #lastHasPush = false;
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
    if (this.complete || !this.#isPlainData(bytes, start, end)) return false;
    const { transportOffset, payloadOffset } = layers;
    const view = viewOf(bytes);
    const flags = view.getInt32(transportOffset + FLAGS_WORD);
    const sequence = view.getInt32(transportOffset + SEQUENCE);
    const size = end - payloadOffset;
    if (this.count > 0) {
      if (bytes !== this.#bytes || sequence !== this.#nextSequence || size > this.size) return false;
      if (this.count === MAX_COALESCED_FRAMES || this.#length + size > MAX_PACKET) return false;
      if (((flags ^ this.#flags) & ~PUSH) !== 0 || !this.#isSameFlow(view, start)) return false;
      this.start[this.count] = payloadOffset;
    } else {
      this.#bytes = bytes;
      this.size = size;
      this.family = layers.family;
      this.transport = transportOffset - start;
      this.headers = payloadOffset - start;
      this.#flags = flags;
      this.#length = end - start - ETHERNET_HEADER_LEN;
      this.start[0] = start;
    }
    if (this.count > 0) this.#length += size;
    this.end[this.count++] = end;
    this.#nextSequence = (sequence + size) | 0;
    this.#lastHasPush = (flags & PUSH) !== 0;
    // Don't coalesce segments smaller than `TcpSegmenter` accepts: nothing could segment the packet again.
    const tooSmall = this.size + this.headers - this.transport < TCP_HEADER_LEN + MIN_SEGMENT;
    this.complete = this.#lastHasPush || size < this.size || tooSmall;
    return true;
  }

  /**
   * Updates the first frame's headers for the coalesced packet: lengths, the last segment's PSH, and a partial checksum
   * (the pseudo-header's sum).
   */
  finish(): void {
    const bytes = this.#bytes;
    const view = viewOf(bytes);
    const ip = this.start[0] + ETHERNET_HEADER_LEN;
    const tcp = this.start[0] + this.transport;
    if (this.family === 4) {
      writeIpv4Length(bytes, ip, this.#length);
    } else {
      view.setUint16(ip + IPV6_LENGTH, this.#length - IPV6_HEADER_LEN);
    }
    if (this.#lastHasPush) view.setInt32(tcp + FLAGS_WORD, this.#flags | PUSH);
    const addresses = ip + (this.family === 4 ? IPV4_HEADER_LEN - 8 : IPV6_HEADER_LEN - 32);
    const length = this.#length - (tcp - ip);
    view.setUint16(tcp + TCP_CHECKSUM, pseudoHeaderSum(this.family, bytes, addresses, IpProtocol.Tcp, length));
  }

  /** Forgets the pending frames. */
  clear(): void {
    this.count = 0;
    this.complete = false;
  }

  /** Whether a frame is ordinary, complete TCP data with valid checksums; they aren't verified again. */
  #isPlainData(bytes: Uint8Array, start: number, end: number): boolean {
    const layers = this.#layers;
    if (layers.walkEthernet(bytes, start, end) !== HeaderError.None || layers.protocol !== IpProtocol.Tcp) return false;
    const { family, networkOffset, transportOffset, payloadOffset, networkEnd } = layers;
    const span = family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
    if (networkOffset !== start + ETHERNET_HEADER_LEN || transportOffset !== networkOffset + span) return false;
    if (layers.isFragment || networkEnd !== end || payloadOffset >= end) return false;
    const view = viewOf(bytes);
    if ((view.getInt32(transportOffset + FLAGS_WORD) & FLAG_BITS & ~PUSH) !== ACK) return false;
    if (family === 4 && !isIpv4ChecksumValid(bytes, networkOffset)) return false;
    const pseudo = pseudoHeaderSum(family, bytes, layers.addressOffset, IpProtocol.Tcp, end - transportOffset);
    if (this.#partial && view.getUint16(transportOffset + TCP_CHECKSUM) === pseudo) return true;
    return onesSum(bytes, transportOffset, end, pseudo) === 0xffff;
  }

  /** Whether a frame's headers equal the first one's, except lengths, checksums, identification and sequence number. */
  #isSameFlow(view: DataView, start: number): boolean {
    const first = this.start[0];
    const layers = this.#layers;
    if (layers.family !== this.family || layers.payloadOffset - start !== this.headers) return false;
    if (view.getInt32(start) !== view.getInt32(first) || view.getInt32(start + 4) !== view.getInt32(first + 4))
      return false;
    // The rest of the MACs, the EtherType, and IP's version, DSCP and ECN.
    if (view.getInt32(start + 8) !== view.getInt32(first + 8)) return false;
    if (view.getInt32(start + 12) !== view.getInt32(first + 12)) return false;
    const ip = start + ETHERNET_HEADER_LEN;
    const before = first + ETHERNET_HEADER_LEN;
    if (this.family === 4) {
      const flags = view.getUint16(ip + IPV4_FLAGS);
      if (flags !== view.getUint16(before + IPV4_FLAGS)) return false;
      // Without DF the ID is significant (RFC 6864 section 4): segmentation will number the segments from the first
      // one's ID.
      if (
        (flags & DONT_FRAGMENT) === 0 &&
        view.getUint16(ip + IPV4_ID) !== ((view.getUint16(before + IPV4_ID) + this.count) & 0xffff)
      ) {
        return false;
      }
      if (view.getUint16(ip + IPV4_TTL) !== view.getUint16(before + IPV4_TTL)) return false;
    } else {
      if (view.getInt32(ip) !== view.getInt32(before)) return false;
      if (view.getUint16(ip + IPV6_NEXT_HEADER) !== view.getUint16(before + IPV6_NEXT_HEADER)) return false;
    }
    // The addresses, and the ports that follow them.
    const addresses = this.family === 4 ? IPV4_HEADER_LEN - 8 : IPV6_HEADER_LEN - 32;
    const tcp = start + this.transport;
    const tcpBefore = first + this.transport;
    for (let at = ip + addresses, other = before + addresses; at < tcp + 4; at += 4, other += 4) {
      if (view.getInt32(at) !== view.getInt32(other)) return false;
    }
    if (view.getInt32(tcp + ACKNOWLEDGMENT) !== view.getInt32(tcpBefore + ACKNOWLEDGMENT)) return false;
    // TCP's options.
    for (let at = TCP_HEADER_LEN; at < this.headers - this.transport; at += 4) {
      if (view.getInt32(tcp + at) !== view.getInt32(tcpBefore + at)) return false;
    }
    return true;
  }
}
