/** The one's complement sums of many ranges at once: calling the kernel for each small packet costs more than its sum. */
import { KERNEL_RANGES, type Kernels, kernelsOf } from '../memory/internal.js';
import { onesSum } from './checksum.js';

/** Maximum number of bytes of a range that the kernel sums without overflow. */
const MAX_BYTES = 1 << 19;

/** Fewer ranges are summed one by one. */
const FEW = 4;

/** Maximum number of ranges per `run`. */
export const MAX_RANGES = KERNEL_RANGES;

/** Sums the ranges of a batch. */
export class RangeSums {
  /**
   * The sums of the last `run`, in order: of little-endian 16-bit words, as `DataView` reads them with that argument,
   * folded to 16 bits and not inverted.
   */
  readonly sums = new Int32Array(MAX_RANGES);
  #bytes: Uint8Array = new Uint8Array(0);
  #kernels: Kernels | undefined;

  /**
   * Sums ranges of bytes.
   * @param start start offsets
   * @param end end offsets
   * @param from index of the first range
   * @param to index after the last one, at most `MAX_RANGES` more
   */
  run(bytes: Uint8Array, start: Int32Array, end: Int32Array, from: number, to: number): void {
    if (bytes !== this.#bytes) this.#bind(bytes);
    const { sums } = this;
    const kernels = this.#kernels;
    if (kernels !== undefined && to - from >= FEW && fill(kernels.list, bytes, start, end, from, to)) {
      const { list } = kernels;
      kernels.onesSums(list.byteOffset, to - from);
      // Copied, since whoever sums other packets of this memory next uses the same list.
      for (let i = 0; i < to - from; i++) sums[i] = list[i];
      return;
    }
    for (let i = from; i < to; i++) {
      const sum = onesSum(bytes, start[i], end[i]);
      sums[i - from] = ((sum & 0xff) << 8) | (sum >>> 8);
    }
  }

  #bind(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#kernels = kernelsOf(bytes.buffer);
  }
}

/** Writes the kernel's list. Returns whether all ranges are within the bytes, and short enough. */
function fill(
  list: Int32Array,
  bytes: Uint8Array,
  start: Int32Array,
  end: Int32Array,
  from: number,
  to: number,
): boolean {
  const base = bytes.byteOffset;
  const size = bytes.length;
  // The sign bit of any difference that must not be negative.
  let wrong = 0;
  let at = 0;
  for (let i = from; i < to; i++) {
    const first = start[i];
    const last = end[i];
    wrong |= first | (last - first) | (size - last) | (MAX_BYTES - last + first);
    list[at] = base + first;
    list[at + 1] = base + last;
    at += 2;
  }
  return wrong >= 0 && at <= list.length;
}
