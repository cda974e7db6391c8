/** Time ranges of the timeline: zoomed and moved, within the captures. */
import type { CaptureIndex } from '../../index/capture-index.js';

/** Seconds since the first packet. Files in any order have packets before it, whose seconds are negative. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** A range as the page's address has it: the whole of the captures has no ends. */
export type OpenRange = { readonly [End in keyof TimeRange]: number | undefined };

/** The times of all packets; undefined without any. */
export function wholeRange({ parts }: CaptureIndex): TimeRange | undefined {
  let first = Infinity;
  let last = -Infinity;
  for (const { time, count } of parts) {
    for (let i = 0; i < count; i++) {
      if (time[i] < first) first = time[i];
      if (time[i] > last) last = time[i];
    }
  }
  return last >= first ? { from: first / 1e9, to: last / 1e9 } : undefined;
}

/**
 * A range with its middle where it was.
 * @param factor of its length: 0.5 zooms in, 2 zooms out
 */
export function zoomed({ from, to }: TimeRange, factor: number, whole: TimeRange): OpenRange {
  const more = ((factor - 1) * (to - from)) / 2;
  return within({ from: from - more, to: to + more }, whole);
}

/**
 * A range of the same length, earlier or later, as far as there are packets.
 * @param part of its length; negative for earlier
 */
export function moved({ from, to }: TimeRange, part: number, whole: TimeRange): OpenRange {
  const wanted = part * (to - from);
  const by = Math.max(whole.from - from, Math.min(whole.to - to, wanted));
  // At an end, the range stays where it is rather than move the other way.
  return by * wanted > 0 ? within({ from: from + by, to: to + by }, whole) : within({ from, to }, whole);
}

function within({ from, to }: TimeRange, whole: TimeRange): OpenRange {
  if (from <= whole.from && to >= whole.to) return { from: undefined, to: undefined };
  return { from: Math.max(from, whole.from), to: Math.min(to, whole.to) };
}
