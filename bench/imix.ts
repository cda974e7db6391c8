/** The sizes of the frames that are measured: all alike, or IMIX. */
import { type FrameSize } from './result.js';

/** Seven of 64, four of 594, one of 1518, far apart: no twelve in a row are the small ones first. */
const IMIX = [64, 594, 64, 64, 594, 64, 1518, 64, 594, 64, 594, 64] as const;

/**
 * Bytes of frames in the order they are sent: the same in every run, and any twelve in a row of IMIX have its mix.
 * @param count how many frames
 * @throws RangeError if `count` is no whole number from 0
 */
export function sizesOf(size: FrameSize, count: number): Int32Array {
  if (!Number.isInteger(count) || count < 0) throw new RangeError(`${count} is no number of frames`);
  if (size !== 'imix') return new Int32Array(count).fill(size);
  return Int32Array.from({ length: count }, (_, i) => IMIX[i % IMIX.length]);
}

/** Bytes of the frames that follow one another, over and over. */
export function framesOf(size: FrameSize): readonly number[] {
  return size === 'imix' ? IMIX : [size];
}

/** Bytes of a frame in the mean. */
export function meanBytes(size: FrameSize): number {
  return size === 'imix' ? IMIX.reduce((sum, bytes) => sum + bytes, 0) / IMIX.length : size;
}

/** A size as people read it. */
export function sizeName(size: FrameSize): string {
  if (size === 'imix') return 'IMIX';
  return Number.isFinite(size) ? String(size) : '–';
}

/** Order of sizes: by bytes, IMIX last. */
export function bySize(a: FrameSize, b: FrameSize): number {
  if (a === b) return 0;
  if (a === 'imix') return 1;
  return b === 'imix' ? -1 : a - b;
}
