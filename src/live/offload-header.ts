/**
 * What a TAP device says about a frame, and is told about one, in front of it: struct virtio_net_hdr
 * (include/uapi/linux/virtio_net.h), in the machine's byte order.
 */
import { partialChecksumIn, Fault, Layers } from '../wire/index.js';
import { viewOf } from '../memory/view.js';

/** Bytes of the header. */
export const OFFLOAD_HEADER_BYTES = 10;

const NEEDS_CHECKSUM = 1;
const CHECKSUM_START = 6;
const CHECKSUM_OFFSET = 8;
// Own constants are folded into the code, imported ones aren't (see wire/layers.ts).
const BYTES = OFFLOAD_HEADER_BYTES;
const OK = Fault.None;

/** Writes the headers of frames. */
export class OffloadHeader {
  readonly #layers = new Layers();

  /**
   * Puts the header in front of a frame: whether its checksum is still to be filled in, which then the kernel does.
   * @param bytes with 10 bytes before `start`
   * @returns where the header begins
   */
  put(bytes: Uint8Array, start: number, end: number): number {
    const at = start - BYTES;
    bytes.fill(0, at, start);
    const layers = this.#layers;
    if (layers.walkEthernet(bytes, start, end) !== OK) return at;
    const field = partialChecksumIn(bytes, layers);
    if (field < 0) return at;
    const view = viewOf(bytes);
    bytes[at] = NEEDS_CHECKSUM;
    view.setUint16(at + CHECKSUM_START, layers.transportOffset - start, true);
    view.setUint16(at + CHECKSUM_OFFSET, field, true);
    return at;
  }
}
