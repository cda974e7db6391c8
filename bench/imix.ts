/** placeholder */
import type { FrameSize } from './result.js';
const MIX = [64, 594, 64, 64, 594, 64, 1518, 64, 594, 64, 594, 64];
export function sizesOf(size: FrameSize, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => (size === 'imix' ? MIX[i % 12] : size));
}
export function meanBytes(size: FrameSize): number {
  return size === 'imix' ? MIX.reduce((a, b) => a + b, 0) / 12 : size;
}
