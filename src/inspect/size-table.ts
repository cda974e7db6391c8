/** Size distribution of packets on the wire and of inner frames. */
import type { SizePart } from './shares/survey-part.js';

/** Upper bounds of the classes in bytes, inclusive; a last class covers larger sizes. */
export const SIZE_BOUNDS = [63, 127, 255, 511, 1023, 1518, 9216] as const;

/** Counts per size class. */
export class SizeTable {
  /** Counts per class, one more than there are bounds. */
  readonly counts = new Float64Array(SIZE_BOUNDS.length + 1);
  packets = 0;
  bytes = 0;
  smallest = Number.POSITIVE_INFINITY;
  largest = 0;

  /** Counts a size in bytes. */
  add(bytes: number): void {
    let index = 0;
    while (index < SIZE_BOUNDS.length && bytes > SIZE_BOUNDS[index]) index++;
    this.counts[index]++;
    this.packets++;
    this.bytes += bytes;
    if (bytes < this.smallest) this.smallest = bytes;
    if (bytes > this.largest) this.largest = bytes;
  }

  /** Takes back a size that was counted for the same packet elsewhere, and is or will be merged. */
  removeRepeated(bytes: number): void {
    let index = 0;
    while (index < SIZE_BOUNDS.length && bytes > SIZE_BOUNDS[index]) index++;
    this.counts[index]--;
    this.packets--;
    this.bytes -= bytes;
  }

  /** The counts, for `merge`. */
  part(): SizePart {
    const { counts, packets, bytes, smallest, largest } = this;
    return { counts, packets, bytes, smallest, largest };
  }

  /** Adds the counts of another table. */
  merge({ counts, packets, bytes, smallest, largest }: SizePart): void {
    counts.forEach((count, index) => (this.counts[index] += count));
    this.packets += packets;
    this.bytes += bytes;
    this.smallest = Math.min(this.smallest, smallest);
    this.largest = Math.max(this.largest, largest);
  }
}

/** Display name of a class. */
export function sizeClassName(index: number): string {
  const from = index === 0 ? 0 : SIZE_BOUNDS[index - 1] + 1;
  return index === SIZE_BOUNDS.length ? `${from}+` : `${from}-${SIZE_BOUNDS[index]}`;
}
