/** When the selected packets were captured. */
import type { Selection } from '../../filter/index.js';
import type { CaptureIndex } from '../../index/index.js';

/** Index of the first selected packet with at least a number; `count` if there is none. */
export function rowAtOrAfter({ rows, count }: Selection, packet: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle] < packet) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Seconds from the earliest of the selected packets to the latest, as far as each file is in order; NaN without times. Files
 * may overlap in time, and be in any order.
 */
export function selectedSeconds({ parts, tables }: CaptureIndex, selection: Selection): number {
  const timeOf = (row: number): number => {
    const packet = selection.rows[row];
    return parts[packet >>> 16].time[packet & 0xffff];
  };
  let first = Infinity;
  let last = -Infinity;
  for (const [i, { firstPacket }] of tables.files.entries()) {
    const from = rowAtOrAfter(selection, firstPacket);
    const next = i + 1 < tables.files.length ? tables.files[i + 1].firstPacket : Infinity;
    const to = rowAtOrAfter(selection, next);
    if (from === to) continue;
    const [begin, end] = [timeOf(from), timeOf(to - 1)];
    if (begin < first) first = begin;
    if (end > last) last = end;
  }
  return last >= first ? (last - first) / 1e9 : NaN;
}
