/**
 * Coalesces consecutive UDP datagrams of equal size into one packet, which the kernel segments again where it must
 * (UDP_GRO and UDP_SEGMENT, net/ipv4/udp_offload.c). The bytes stay in place; the first frame's headers apply to all.
 */
import { viewOf } from '../memory/internal.js';
import {
  ETHERNET_HEADER_LEN,
  IpProtocol,
  IPV4_HEADER_LEN,
  isIpv4ChecksumValid,
  IPV6_HEADER_LEN,
  type Layers,
  onesSum,
  pseudoHeaderSum,
  UDP_CHECKSUM,
  UDP_HEADER_LEN,
  writeIpv4Length,
} from '../wire/index.js';
import { type Coalescer, hasSameHeaders, MAX_COALESCED_FRAMES, MAX_PACKET } from './coalescer.js';

const IPV6_LENGTH = 4;
const UDP_LENGTH = 4;

/** Pending datagrams of one flow. All are in one array, and stay there until `clear`. */
export class UdpCoalescer implements Coalescer {
  count = 0;
  readonly start = new Int32Array(MAX_COALESCED_FRAMES);
  readonly end = new Int32Array(MAX_COALESCED_FRAMES);
  size = 0;
  family = 0;
  transport = 0;
  headers = 0;
  readonly checksum = UDP_CHECKSUM;
  isPartial = false;
  complete = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  #firstChecksum = 0;
  readonly #partial: boolean;

  /** @param partial accept checksums that are the pseudo-header's sum alone (CHECKSUM_PARTIAL) */
  constructor(partial = false) {
    this.#partial = partial;
  }

  add(bytes: Uint8Array, layers: Layers, start: number, end: number): boolean {
    if (this.complete || !isPlainData(bytes, layers, start, end)) return false;
    const { transportOffset, payloadOffset, family } = layers;
    const view = viewOf(bytes);
    const size = end - payloadOffset;
    if (this.count > 0) {
      if (bytes !== this.#bytes || size > this.size || family !== this.family) return false;
      if (this.count === MAX_COALESCED_FRAMES || this.#length + size > MAX_PACKET) return false;
      if (!hasSameHeaders(view, family, start, this.start[0], this.count)) return false;
    }
    // Last, since it reads the whole frame.
    const stored = view.getUint16(transportOffset + UDP_CHECKSUM);
    const pseudo = pseudoHeaderSum(family, bytes, layers.addressOffset, IpProtocol.Udp, end - transportOffset);
    const isPartial = this.#partial && stored === pseudo;
    if (!isPartial && onesSum(bytes, transportOffset, end, pseudo) !== 0xffff) return false;
    if (this.count > 0) {
      this.start[this.count] = payloadOffset;
      this.#length += size;
    } else {
      this.#bytes = bytes;
      this.size = size;
      this.family = family;
      this.transport = transportOffset - start;
      this.headers = payloadOffset - start;
      this.isPartial = isPartial;
      this.#firstChecksum = stored;
      this.#length = end - start - ETHERNET_HEADER_LEN;
      this.start[0] = start;
    }
    this.end[this.count++] = end;
    this.complete = size < this.size;
    return true;
  }

  finish(): void {
    const length = this.#putLengths(this.#length);
    const bytes = this.#bytes;
    const udp = this.start[0] + this.transport;
    const addresses = udp - (this.family === 4 ? 8 : 32);
    const sum = pseudoHeaderSum(this.family, bytes, addresses, IpProtocol.Udp, length);
    viewOf(bytes).setUint16(udp + UDP_CHECKSUM, sum);
  }

  restore(): void {
    this.#putLengths(this.headers - ETHERNET_HEADER_LEN + this.size);
    viewOf(this.#bytes).setUint16(this.start[0] + this.transport + UDP_CHECKSUM, this.#firstChecksum);
  }

  clear(): void {
    this.count = 0;
    this.complete = false;
  }

  /** Writes the lengths for an IP packet of so many bytes, and returns that of UDP. */
  #putLengths(packet: number): number {
    const bytes = this.#bytes;
    const view = viewOf(bytes);
    const ip = this.start[0] + ETHERNET_HEADER_LEN;
    const udp = this.start[0] + this.transport;
    const length = packet - (udp - ip);
    if (this.family === 4) writeIpv4Length(bytes, ip, packet);
    else view.setUint16(ip + IPV6_LENGTH, packet - IPV6_HEADER_LEN);
    view.setUint16(udp + UDP_LENGTH, length);
    return length;
  }
}

/** Whether a frame is an ordinary, complete datagram with data and a checksum; that is verified later. */
function isPlainData(bytes: Uint8Array, layers: Layers, start: number, end: number): boolean {
  const { family, networkOffset, transportOffset, payloadOffset, payloadEnd, networkEnd } = layers;
  if (layers.protocol !== IpProtocol.Udp || layers.isFragment) return false;
  const span = family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
  if (networkOffset !== start + ETHERNET_HEADER_LEN || transportOffset !== networkOffset + span) return false;
  if (networkEnd !== end || payloadEnd !== end || payloadOffset !== transportOffset + UDP_HEADER_LEN) return false;
  if (payloadOffset >= end || viewOf(bytes).getUint16(transportOffset + UDP_CHECKSUM) === 0) return false;
  return family !== 4 || isIpv4ChecksumValid(bytes, networkOffset);
}
