/**
 * The offload header before each frame of a TAP device, in both directions: struct virtio_net_hdr
 * (include/uapi/linux/virtio_net.h), in host byte order.
 */
import type { TcpCoalescer } from '../../fragment/index.js';
import { viewOf } from '../../memory/internal.js';
import { HeaderError, Layers, onesSum, partialChecksumIn, TCP_CHECKSUM } from '../../wire/index.js';

/** Length of the header in bytes. */
export const OFFLOAD_HEADER_BYTES = 10;

const NEEDS_CHECKSUM = 1;
const TCP4 = 1;
const TCP6 = 4;
const GSO_TYPE = 1;
const HEADER_LENGTH = 2;
const GSO_SIZE = 4;
const CHECKSUM_START = 6;
const CHECKSUM_OFFSET = 8;

/** Writes offload headers. */
export class OffloadHeader {
  readonly #layers = new Layers();

  /**
   * Writes the header before a frame: whether the kernel must fill in the checksum.
   * @param bytes with 10 bytes before `start`
   * @param partial whether the frame may have a partial checksum
   * @returns offset of the header
   */
  put(bytes: Uint8Array, start: number, end: number, partial: boolean): number {
    const at = start - OFFLOAD_HEADER_BYTES;
    bytes.fill(0, at, start);
    const layers = this.#layers;
    if (!partial || layers.walkEthernet(bytes, start, end) !== HeaderError.None) return at;
    const field = partialChecksumIn(bytes, layers);
    if (field < 0) return at;
    const view = viewOf(bytes);
    bytes[at] = NEEDS_CHECKSUM;
    view.setUint16(at + CHECKSUM_START, layers.transportOffset - start, true);
    view.setUint16(at + CHECKSUM_OFFSET, field, true);
    return at;
  }

  /**
   * Writes the header before coalesced segments.
   * @param bytes buffer of the segments, with 10 bytes before the first
   * @returns offset of the header
   */
  putMerged(bytes: Uint8Array, { start, family, headers, size, transport }: TcpCoalescer): number {
    const at = start[0] - OFFLOAD_HEADER_BYTES;
    const view = viewOf(bytes);
    bytes[at] = NEEDS_CHECKSUM;
    bytes[at + GSO_TYPE] = family === 4 ? TCP4 : TCP6;
    view.setUint16(at + HEADER_LENGTH, headers, true);
    view.setUint16(at + GSO_SIZE, size, true);
    view.setUint16(at + CHECKSUM_START, transport, true);
    view.setUint16(at + CHECKSUM_OFFSET, TCP_CHECKSUM, true);
    return at;
  }
}

/** TCP payload per segment for a frame that needs segmentation (TSO), from the header at `at`; otherwise 0. */
export function segmentSizeIn(bytes: Uint8Array, at: number): number {
  return bytes[at + GSO_TYPE] === 0 ? 0 : viewOf(bytes).getUint16(at + GSO_SIZE, true);
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
