/**
 * Cuts a TCP packet that is larger than any wire carries into segments, as a network card with TSO does
 * (Documentation/networking/segmentation-offloads.rst): whoever made it left that to the card, checksums included.
 */
import { checkRange } from '../memory/range.js';
import {
  Fault,
  IpProtocol,
  IPV4_SPAN,
  IPV6_SPAN,
  Layers,
  onesSum,
  pseudoHeaderSum,
  TCP_CHECKSUM,
  TCP_SPAN,
  TcpFlag,
  tcpLayout,
  TcpView,
  writeIpv4Checksum,
} from '../wire/index.js';
import { viewOf } from '../memory/view.js';

const SEQUENCE = tcpLayout.offsetOf('sequence');
const FLAGS = tcpLayout.bitsOf('dataOffset').offset + 1;
const IPV4_LENGTH = 2;
const IPV4_IDENTIFICATION = 4;
const IPV6_LENGTH = 4;
/** Flags of the last segment alone, and of the first. */
const LAST = TcpFlag.Fin | TcpFlag.Psh;
const FIRST = TcpFlag.Cwr;

/**
 * The smallest TCP payload and options of a segment that Linux's TCP sends, in bytes (TCP_MIN_SND_MSS, include/net/tcp.h):
 * no path is so narrow, and smaller segments make thousands of packets of one frame (CVE-2019-11479).
 */
export const MIN_SEGMENT = 48;
/** Segments of one frame at most: more than 64 KiB in segments of `MIN_SEGMENT` bytes with timestamps. */
export const MAX_SEGMENTS = 2048;

/** Cuts one frame after the other: `begin`, then `next` until it gives 0. Nothing is allocated. */
export class TcpSegmenter {
  /** How many segments the frame gives. */
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
  #given = 0;
  readonly #layers = new Layers();
  readonly #tcp = new TcpView();

  /**
   * Takes a frame to cut. Its bytes must be left alone until the last `next`.
   * @param bytes what the frame stands in, from its Ethernet header at `start` to `end`
   * @param size bytes of TCP payload in each segment: with TCP's options at least 48, and no smaller than gives
   * `MAX_SEGMENTS` segments; `tooSmall` says that it was less
   * @returns whether it is a TCP segment that can be cut so
   * @throws MemoryError `BAD_RANGE`
   */
  begin(bytes: Uint8Array, start: number, end: number, size: number): boolean {
    checkRange(bytes, start, end);
    this.count = 0;
    this.#given = 0;
    this.tooSmall = false;
    const layers = this.#layers;
    if (layers.walkEthernet(bytes, start, end) !== Fault.None) return false;
    if (layers.protocol !== IpProtocol.Tcp || layers.isFragment || layers.payloadEnd <= layers.payloadOffset)
      return false;
    const options = layers.payloadOffset - layers.transportOffset - TCP_SPAN;
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

  /** Bytes of the largest segment's frame. */
  get frameBytes(): number {
    return this.#payload - this.#start + Math.min(this.#size, this.#end - this.#payload);
  }

  /** Whether there are segments left. */
  get pending(): boolean {
    return this.#given < this.count;
  }

  /**
   * Writes the next segment's frame.
   * @param target with room for `frameBytes` at `offset`; not where the frame itself stands
   * @returns its bytes, or 0 if there are no more
   */
  next(target: Uint8Array, offset: number): number {
    if (!this.pending) return 0;
    const index = this.#given++;
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
      view.setUint16(ip + IPV4_LENGTH, end - ip);
      view.setUint16(ip + IPV4_IDENTIFICATION, (view.getUint16(ip + IPV4_IDENTIFICATION) + index) & 0xffff);
      writeIpv4Checksum(target, ip);
    } else {
      view.setUint16(ip + IPV6_LENGTH, end - ip - IPV6_SPAN);
    }
    const sequence = this.#tcp.wrap(target, tcp).sequence;
    view.setUint32(tcp + SEQUENCE, (sequence + index * this.#size) >>> 0);
    if (to < this.#end) target[tcp + FLAGS] &= ~LAST;
    if (index > 0) target[tcp + FLAGS] &= ~FIRST;
    this.#putChecksum(target, ip, tcp, end);
    return end - offset;
  }

  #putChecksum(target: Uint8Array, ip: number, tcp: number, end: number): void {
    const addresses = ip + (this.#family === 4 ? IPV4_SPAN - 8 : IPV6_SPAN - 32);
    const view = viewOf(target);
    view.setUint16(tcp + TCP_CHECKSUM, 0);
    const pseudo = pseudoHeaderSum(this.#family, target, addresses, IpProtocol.Tcp, end - tcp);
    view.setUint16(tcp + TCP_CHECKSUM, ~onesSum(target, tcp, end, pseudo) & 0xffff);
  }
}
