/**
 * The offload header before each frame of a TAP device, in both directions: struct virtio_net_hdr
 * (include/uapi/linux/virtio_net.h), in host byte order.
 */
import { NativeMemory } from '../../foreign/index.js';
import { viewOf } from '../../memory/internal.js';
import { IpProtocol, onesSum } from '../../wire/index.js';

/** Length of the header in bytes. */
export const OFFLOAD_HEADER_BYTES = 10;

const NEEDS_CHECKSUM = 1;
/** A flag of the type: the first segment has CWR. */
const ECN = 0x80;
const GSO_TYPE = 1;
const HEADER_LENGTH = 2;
const GSO_SIZE = 4;
const CHECKSUM_START = 6;
const CHECKSUM_OFFSET = 8;

/** How the kernel segments a frame. */
export const Segmentation = { Tcp4: 1, Tcp6: 4, Udp: 5 } as const;
export type Segmentation = (typeof Segmentation)[keyof typeof Segmentation];

/** The header of the next frame to write, in memory of its own: what lies before a frame is another one's. */
export class OffloadHeader {
  readonly #memory = new NativeMemory(OFFLOAD_HEADER_BYTES);
  /** The header's bytes. */
  readonly bytes = this.#memory.bytes;
  /** Its address. */
  readonly address = this.#memory.address;

  /** Requests nothing: the checksum is complete. */
  putNone(): void {
    this.bytes.fill(0);
  }

  /**
   * Requests a checksum.
   * @param start offset in the frame of the transport header, whose checksum field contains the pseudo-header's sum
   * @param field offset of that field in it
   */
  putChecksum(start: number, field: number): void {
    this.putNone();
    this.#putChecksum(start, field);
  }

  /**
   * Requests segmentation.
   * @param headers bytes of the frame's headers, which each segment gets
   * @param size payload per segment in bytes
   * @param start as `putChecksum`
   * @param field as `putChecksum`
   */
  putSegments(how: Segmentation, headers: number, size: number, start: number, field: number): void {
    const view = viewOf(this.bytes);
    this.bytes[GSO_TYPE] = how;
    view.setUint16(HEADER_LENGTH, headers, true);
    view.setUint16(GSO_SIZE, size, true);
    this.#putChecksum(start, field);
  }

  #putChecksum(start: number, field: number): void {
    const view = viewOf(this.bytes);
    this.bytes[0] = NEEDS_CHECKSUM;
    view.setUint16(CHECKSUM_START, start, true);
    view.setUint16(CHECKSUM_OFFSET, field, true);
  }
}

/** Payload per segment for a frame that needs segmentation (TSO, USO), from the header at `at`; otherwise 0. */
export function segmentSizeIn(bytes: Uint8Array, at: number): number {
  return bytes[at + GSO_TYPE] === 0 ? 0 : viewOf(bytes).getUint16(at + GSO_SIZE, true);
}

/** The protocol that the header at `at` requests segmentation of; undefined for one that isn't offloaded. */
export function segmentedProtocolIn(bytes: Uint8Array, at: number): number | undefined {
  const type = bytes[at + GSO_TYPE] & ~ECN;
  if (type === Segmentation.Tcp4 || type === Segmentation.Tcp6) return IpProtocol.Tcp;
  return type === Segmentation.Udp ? IpProtocol.Udp : undefined;
}

/**
 * Fills in a partial checksum if the header at `at` requests it.
 * @returns false if the header's offsets lie outside the frame
 */
export function completeChecksum(bytes: Uint8Array, at: number, end: number): boolean {
  if ((bytes[at] & NEEDS_CHECKSUM) === 0) return true;
  const view = viewOf(bytes);
  const start = at + OFFLOAD_HEADER_BYTES + view.getUint16(at + CHECKSUM_START, true);
  const field = start + view.getUint16(at + CHECKSUM_OFFSET, true);
  if (field + 2 > end) return false;
  // The field contains the pseudo-header's sum, which is part of the checksum. Zero would mean none in UDP.
  view.setUint16(field, ~onesSum(bytes, start, end) & 0xffff || 0xffff);
  return true;
}
