/**
 * Segments a UDP packet of many datagrams into them, as the kernel does (UDP_SEGMENT, net/ipv4/udp_offload.c): the sender
 * left that and the checksums to the NIC (USO).
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
  UDP_CHECKSUM,
  UDP_HEADER_LEN,
  writeIpv4Length,
} from '../wire/index.js';

const IPV4_IDENTIFICATION = 4;
const IPV6_LENGTH = 4;
const UDP_LENGTH = 4;
/** Maximum number of datagrams per packet (UDP_MAX_SEGMENTS, include/linux/udp.h). */
const MAX_DATAGRAMS = 128;

/** Segments one packet after another: `begin`, then `next` until it returns 0. Allocates nothing. */
export class UdpSegmenter {
  /** Number of datagrams of the packet. */
  count = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #network = 0;
  #family = 0;
  #payload = 0;
  #end = 0;
  #size = 0;
  #emitted = 0;
  readonly #layers = new Layers();

  /**
   * Begins to segment a frame. Its bytes must not change until the last `next`.
   * @param bytes holds the frame, from its Ethernet header at `start` to `end`
   * @param size payload per datagram in bytes
   * @returns whether it is a UDP packet that can be segmented, into at most 128 datagrams
   * @throws MemoryError `BAD_RANGE`
   */
  begin(bytes: Uint8Array, start: number, end: number, size: number): boolean {
    checkRange(bytes, start, end);
    this.count = 0;
    this.#emitted = 0;
    const layers = this.#layers;
    if (layers.walkEthernet(bytes, start, end) !== HeaderError.None || layers.protocol !== IpProtocol.Udp) return false;
    const { networkOffset, payloadOffset, payloadEnd } = layers;
    if (layers.isFragment || payloadEnd <= payloadOffset || size < 1) return false;
    const count = Math.ceil((payloadEnd - payloadOffset) / size);
    if (count > MAX_DATAGRAMS) return false;
    this.#bytes = bytes;
    this.#start = start;
    this.#network = networkOffset - start;
    this.#family = layers.family;
    this.#payload = payloadOffset;
    this.#end = payloadEnd;
    this.#size = size;
    this.count = count;
    return true;
  }

  /** Size of the largest datagram's frame in bytes. */
  get frameBytes(): number {
    return this.#payload - this.#start + Math.min(this.#size, this.#end - this.#payload);
  }

  /** Whether datagrams are left. */
  get pending(): boolean {
    return this.#emitted < this.count;
  }

  /**
   * Writes the next datagram's frame.
   * @param target with room for `frameBytes` at `offset`; must not overlap the packet
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
    const udp = offset + headers - UDP_HEADER_LEN;
    const view = viewOf(target);
    if (this.#family === 4) {
      view.setUint16(ip + IPV4_IDENTIFICATION, (view.getUint16(ip + IPV4_IDENTIFICATION) + index) & 0xffff);
      writeIpv4Length(target, ip, end - ip);
    } else {
      view.setUint16(ip + IPV6_LENGTH, end - ip - IPV6_HEADER_LEN);
    }
    view.setUint16(udp + UDP_LENGTH, end - udp);
    view.setUint16(udp + UDP_CHECKSUM, 0);
    const addresses = ip + (this.#family === 4 ? IPV4_HEADER_LEN - 8 : IPV6_HEADER_LEN - 32);
    const pseudo = pseudoHeaderSum(this.#family, target, addresses, IpProtocol.Udp, end - udp);
    // Zero would mean none.
    view.setUint16(udp + UDP_CHECKSUM, ~onesSum(target, udp, end, pseudo) & 0xffff || 0xffff);
    return end - offset;
  }
}
