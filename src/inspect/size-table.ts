/** Size distribution of packets on the wire and of inner frames. */

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
}

/** Display name of a class. */
export function sizeClassName(index: number): string {
  const from = index === 0 ? 0 : SIZE_BOUNDS[index - 1] + 1;
  return index === SIZE_BOUNDS.length ? `${from}+` : `${from}-${SIZE_BOUNDS[index]}`;
}
