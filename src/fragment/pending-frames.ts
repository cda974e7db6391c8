/** What coalescing TCP segments and UDP datagrams has in common: the pending frames, and the IP header of their packet. */
import { viewOf } from '../memory/internal.js';
import {
  ETHERNET_HEADER_LEN,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  isIpv4ChecksumValid,
  type Layers,
  onesSum,
  pseudoHeaderSum,
  writeIpv4Length,
} from '../wire/index.js';
import { MAX_COALESCED_FRAMES, MAX_PACKET } from './coalescer.js';

const IPV6_LENGTH = 4;

/** Pending frames of one flow. All are in one array, and stay there until `clear`. */
export class PendingFrames {
  count = 0;
  readonly start = new Int32Array(MAX_COALESCED_FRAMES);
  readonly end = new Int32Array(MAX_COALESCED_FRAMES);
  size = 0;
  family = 0;
  transport = 0;
  headers = 0;
  isPartial = false;
  complete = false;
  protected bytes: Uint8Array = new Uint8Array(0);
  /** Bytes of the coalesced IP packet. */
  protected length = 0;
  protected firstChecksum = 0;
  readonly #protocol: number;
  readonly #partial: boolean;

  /**
   * @param protocol IP protocol of the frames
   * @param checksum offset of the checksum within the transport header
   * @param partial accept checksums that are the pseudo-header's sum alone (CHECKSUM_PARTIAL), without verifying the
   * payload
   */
  protected constructor(
    protocol: number,
    readonly checksum: number,
    partial: boolean,
  ) {
    this.#protocol = protocol;
    this.#partial = partial;
  }

  /** Forgets the pending frames. */
  clear(): void {
    this.count = 0;
    this.complete = false;
  }

  /**
   * Whether a frame is a whole packet of the protocol with a payload, without tags, IP options or trailing bytes. Its
   * transport checksum is verified by `append`.
   */
  protected isOrdinary(bytes: Uint8Array, layers: Layers, start: number, end: number): boolean {
    const { family, networkOffset, networkEnd, transportOffset, payloadOffset } = layers;
    if (layers.protocol !== this.#protocol || layers.isFragment) return false;
    const span = family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
    if (networkOffset !== start + ETHERNET_HEADER_LEN || transportOffset !== networkOffset + span) return false;
    if (networkEnd !== end || payloadOffset >= end) return false;
    return family !== 4 || isIpv4ChecksumValid(bytes, networkOffset);
  }

  /** Whether a packet with so much payload in bytes fits behind the pending ones: only the last may have less. */
  protected hasRoom(bytes: Uint8Array, size: number): boolean {
    return (
      bytes === this.bytes && size <= this.size && this.count < MAX_COALESCED_FRAMES && this.length + size <= MAX_PACKET
    );
  }

  /** Adds a frame if its checksum is valid, which reads all of it, or partial. Returns whether it is. */
  protected append(bytes: Uint8Array, layers: Layers, start: number, end: number): boolean {
    const { family, transportOffset, payloadOffset } = layers;
    const stored = viewOf(bytes).getUint16(transportOffset + this.checksum);
    const pseudo = pseudoHeaderSum(family, bytes, layers.addressOffset, this.#protocol, end - transportOffset);
    const isPartial = this.#partial && stored === pseudo;
    if (!isPartial && onesSum(bytes, transportOffset, end, pseudo) !== 0xffff) return false;
    const size = end - payloadOffset;
    if (this.count > 0) {
      this.start[this.count] = payloadOffset;
      this.length += size;
    } else {
      this.bytes = bytes;
      this.size = size;
      this.family = family;
      this.transport = transportOffset - start;
      this.headers = payloadOffset - start;
      this.isPartial = isPartial;
      this.firstChecksum = stored;
      this.length = end - start - ETHERNET_HEADER_LEN;
      this.start[0] = start;
    }
    this.end[this.count++] = end;
    return true;
  }

  /** Writes the lengths and the partial checksum of the coalesced packet into the first frame. */
  finish(): void {
    const { bytes, family } = this;
    const transport = this.start[0] + this.transport;
    this.putLength(this.length);
    const addresses = transport - (family === 4 ? 8 : 32);
    const length = this.length - (this.transport - ETHERNET_HEADER_LEN);
    const sum = pseudoHeaderSum(family, bytes, addresses, this.#protocol, length);
    viewOf(bytes).setUint16(transport + this.checksum, sum);
  }

  /** Undoes `finish`: the first frame is as it was. */
  restore(): void {
    this.putLength(this.headers - ETHERNET_HEADER_LEN + this.size);
    viewOf(this.bytes).setUint16(this.start[0] + this.transport + this.checksum, this.firstChecksum);
  }

  /** Writes the lengths into the first frame for an IP packet of so many bytes. */
  protected putLength(packet: number): void {
    const ip = this.start[0] + ETHERNET_HEADER_LEN;
    if (this.family === 4) writeIpv4Length(this.bytes, ip, packet);
    else viewOf(this.bytes).setUint16(ip + IPV6_LENGTH, packet - IPV6_HEADER_LEN);
  }
}
