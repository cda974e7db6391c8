/**
 * What a TAP device says about a frame, and is told about one, in front of it: struct virtio_net_hdr
 * (include/uapi/linux/virtio_net.h), in the machine's byte order.
 */
import type { TcpMerger } from '../fragment/index.js';
import { viewOf } from '../memory/view.js';
import { Fault, Layers, onesSum, partialChecksumIn, TCP_CHECKSUM } from '../wire/index.js';

/** Bytes of the header. */
export const OFFLOAD_HEADER_BYTES = 10;

const NEEDS_CHECKSUM = 1;
const TCP4 = 1;
const TCP6 = 4;
const GSO_TYPE = 1;
const HEADER_LENGTH = 2;
const GSO_SIZE = 4;
const CHECKSUM_START = 6;
const CHECKSUM_OFFSET = 8;

/** Reads and writes the headers of frames. */
export class OffloadHeader {
  readonly #layers = new Layers();

  /**
   * Puts the header in front of a frame: whether its checksum is still to be filled in, which then the kernel does.
   * @param bytes with 10 bytes before `start`
   * @param unfinished whether there may be such a checksum
   * @returns where the header begins
   */
  put(bytes: Uint8Array, start: number, end: number, unfinished: boolean): number {
    const at = start - OFFLOAD_HEADER_BYTES;
    bytes.fill(0, at, start);
    const layers = this.#layers;
    if (!unfinished || layers.walkEthernet(bytes, start, end) !== Fault.None) return at;
    const field = partialChecksumIn(bytes, layers);
    if (field < 0) return at;
    const view = viewOf(bytes);
    bytes[at] = NEEDS_CHECKSUM;
    view.setUint16(at + CHECKSUM_START, layers.transportOffset - start, true);
    view.setUint16(at + CHECKSUM_OFFSET, field, true);
    return at;
  }

  /**
   * Puts the header in front of segments that go as one.
   * @param bytes what they stand in, with 10 bytes before the first
   * @returns where the header begins
   */
  putMerged(bytes: Uint8Array, { start, family, headers, size, transport }: TcpMerger): number {
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

/** TCP payload of the segments that a frame is to be cut into, by the header at `at`; 0 if it is to go as it is. */
export function segmentSizeIn(bytes: Uint8Array, at: number): number {
  return bytes[at + GSO_TYPE] === 0 ? 0 : viewOf(bytes).getUint16(at + GSO_SIZE, true);
}

/**
 * Fills in the checksum that a frame lacks, where the header at `at` says so.
 * @returns whether it could: false if the places that it names aren't in the frame
 */
export function completeChecksum(bytes: Uint8Array, at: number, end: number): boolean {
  if ((bytes[at] & NEEDS_CHECKSUM) === 0) return true;
  const view = viewOf(bytes);
  const start = at + OFFLOAD_HEADER_BYTES + view.getUint16(at + CHECKSUM_START, true);
  const field = start + view.getUint16(at + CHECKSUM_OFFSET, true);
  if (field + 2 > end) return false;
  // The field holds the pseudo-header's sum, which the checksum counts in. UDP's zero means none.
  view.setUint16(field, ~onesSum(bytes, start, end) & 0xffff || 0xffff);
  return true;
}
