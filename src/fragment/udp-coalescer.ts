/**
 * Coalesces consecutive UDP datagrams of equal size into one packet, which the kernel segments again where it must
 * (UDP_GRO and UDP_SEGMENT, net/ipv4/udp_offload.c). The bytes stay in place; the first frame's headers apply to all.
 */
import { viewOf } from '../memory/internal.js';
import { ETHERNET_HEADER_LEN, IpProtocol, type Layers, UDP_CHECKSUM, UDP_HEADER_LEN } from '../wire/index.js';
import { type Coalescer, hasSameHeaders } from './coalescer.js';
import { PendingFrames } from './pending-frames.js';

const UDP_LENGTH = 4;

/** Pending datagrams of one flow. All are in one array, and stay there until `clear`. */
export class UdpCoalescer extends PendingFrames implements Coalescer {
  /** @param partial accept checksums that are the pseudo-header's sum alone (CHECKSUM_PARTIAL) */
  constructor(partial = false) {
    super(IpProtocol.Udp, UDP_CHECKSUM, partial);
  }

  add(bytes: Uint8Array, layers: Layers, start: number, end: number): boolean {
    if (this.complete || !this.isOrdinary(bytes, layers, start, end)) return false;
    const { family, transportOffset, payloadOffset, payloadEnd } = layers;
    const view = viewOf(bytes);
    if (payloadEnd !== end || payloadOffset !== transportOffset + UDP_HEADER_LEN) return false;
    // Zero means none, which segments of a packet can't have.
    if (view.getUint16(transportOffset + UDP_CHECKSUM) === 0) return false;
    const size = end - payloadOffset;
    if (this.count > 0) {
      if (family !== this.family || !this.hasRoom(bytes, size)) return false;
      if (!hasSameHeaders(view, family, start, this.start[0], this.count)) return false;
    }
    // Last, since it reads the whole frame.
    if (!this.append(bytes, layers, start, end)) return false;
    this.complete = size < this.size;
    return true;
  }

  protected override putLength(packet: number): void {
    super.putLength(packet);
    const length = packet - (this.transport - ETHERNET_HEADER_LEN);
    viewOf(this.bytes).setUint16(this.start[0] + this.transport + UDP_LENGTH, length);
  }
}
