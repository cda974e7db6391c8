/**
 * Segments a TCP packet larger than any link's MTU, as a NIC with TSO does
 * (Documentation/networking/segmentation-offloads.rst): the sender left segmentation and checksums to the NIC.
 */
import { checkRange, viewOf } from '../memory/internal.js';
import {
  HeaderError,
  IpProtocol,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  Layers,
  onesSum,
  pseudoHeaderSum,
  TCP_CHECKSUM,
  TCP_HEADER_LEN,
  TcpFlag,
  tcpLayout,
  TcpView,
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

/** Segments one frame after another: `begin`, then `next` until it returns 0. Allocates nothing. */
export class TcpSegmenter {
  /** Number of segments of the frame. */
  count = 0;
  /** Whether `begin` refused the last frame because its segments would be too small or too many. */
  tooSmall = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #network = 0;
  #family = 0;
  #transport = 0;
  #payload = 0;
  #end = 0;
  #size = 0;
  #emitted = 0;
  readonly #layers = new Layers();
  readonly #tcp = new TcpView();

  /**
   * Begins to segment a frame. Its bytes must not change until the last `next`.
   * @param bytes holds the frame, from its Ethernet header at `start` to `end`
   * @param size TCP payload per segment in bytes: at least 48 with TCP's options, and enough that `MAX_SEGMENTS`
   * suffice; otherwise `tooSmall` is set
   * @returns whether it is a TCP segment that can be segmented
   * @throws MemoryError `BAD_RANGE`
   */
  begin(bytes: Uint8Array, start: number, end: number, size: number): boolean {
    checkRange(bytes, start, end);
    this.count = 0;
    this.#emitted = 0;
    this.tooSmall = false;
    const layers = this.#layers;
    if (layers.walkEthernet(bytes, start, end) !== HeaderError.None) return false;
    if (layers.protocol !== IpProtocol.Tcp || layers.isFragment || layers.payloadEnd <= layers.payloadOffset)
      return false;
    const options = layers.payloadOffset - layers.transportOffset - TCP_HEADER_LEN;
    const least = Math.ceil((layers.payloadEnd - layers.payloadOffset) / MAX_SEGMENTS);
    if (size < MIN_SEGMENT - options || size < least) {
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
    this.count = Math.ceil((layers.payloadEnd - layers.payloadOffset) / size);
    return true;
  }

  /** Size of the largest segment's frame in bytes. */
  get frameBytes(): number {
    return this.#payload - this.#start + Math.min(this.#size, this.#end - this.#payload);
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
    const index = this.#emitted++;
    const from = this.#payload + index * this.#size;
    const to = Math.min(from + this.#size, this.#end);
    const headers = this.#payload - this.#start;
    target.set(this.#bytes.subarray(this.#start, this.#payload), offset);
    target.set(this.#bytes.subarray(from, to), offset + headers);
    const end = offset + headers + to - from;
    const ip = offset + this.#network;
    const tcp = offset + this.#transport;
    const view = viewOf(target);
    if (this.#family === 4) {
      view.setUint16(ip + IPV4_IDENTIFICATION, (view.getUint16(ip + IPV4_IDENTIFICATION) + index) & 0xffff);
      writeIpv4Length(target, ip, end - ip);
    } else {
      view.setUint16(ip + IPV6_LENGTH, end - ip - IPV6_HEADER_LEN);
    }
    const sequence = this.#tcp.wrap(target, tcp).sequence;
    view.setUint32(tcp + SEQUENCE, (sequence + index * this.#size) >>> 0);
    if (to < this.#end) target[tcp + FLAGS] &= ~LAST;
    if (index > 0) target[tcp + FLAGS] &= ~FIRST;
    this.#putChecksum(target, ip, tcp, end);
    return end - offset;
  }

  #putChecksum(target: Uint8Array, ip: number, tcp: number, end: number): void {
    const addresses = ip + (this.#family === 4 ? IPV4_HEADER_LEN - 8 : IPV6_HEADER_LEN - 32);
    const view = viewOf(target);
    view.setUint16(tcp + TCP_CHECKSUM, 0);
    const pseudo = pseudoHeaderSum(this.#family, target, addresses, IpProtocol.Tcp, end - tcp);
    view.setUint16(tcp + TCP_CHECKSUM, ~onesSum(target, tcp, end, pseudo) & 0xffff);
  }
}
