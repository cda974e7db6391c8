/** The frame sizes measured: constant, or IMIX. */
import { type FrameSize } from './result.js';

/** Seven of 64, four of 594, one of 1518, interleaved so that any twelve in a row are mixed. */
const IMIX = [64, 594, 64, 64, 594, 64, 1518, 64, 594, 64, 594, 64] as const;

/**
 * Frame sizes in sending order: the same in every run; any twelve consecutive IMIX frames have its mix.
 * @param count number of frames
 * @throws RangeError if `count` is not a non-negative integer
 */
export function sizesOf(size: FrameSize, count: number): Int32Array {
  if (!Number.isInteger(count) || count < 0) throw new RangeError(`${count} is not a number of frames`);
  if (size !== 'imix') return new Int32Array(count).fill(size);
  return Int32Array.from({ length: count }, (_, i) => IMIX[i % IMIX.length]);
}

/** Sizes of the repeating sequence of frames. */
export function framesOf(size: FrameSize): readonly number[] {
  return size === 'imix' ? IMIX : [size];
}

/** Mean frame size in bytes. */
export function meanBytes(size: FrameSize): number {
  return size === 'imix' ? IMIX.reduce((sum, bytes) => sum + bytes, 0) / IMIX.length : size;
}

/** A size for display. */
export function sizeName(size: FrameSize): string {
  if (size === 'imix') return 'IMIX';
  return Number.isFinite(size) ? String(size) : '–';
}

/** Compares sizes: by bytes, IMIX last. */
export function bySize(a: FrameSize, b: FrameSize): number {
  if (a === b) return 0;
  if (a === 'imix') return 1;
  return b === 'imix' ? -1 : a - b;
}
