/** SPIs over time as bars of a picture, a row for each direction between two nodes. */
import type { KeyTimelineReport, SpiSpan, TimelineDirection } from '../../../../src/inspect/index.js';

/** Directions that are drawn at first, and most of all: those with the most packets. */
export const FIRST_DIRECTIONS = 24;
export const MAX_DIRECTIONS = 500;
/** Bars of a direction that are drawn: those with the most packets. */
export const MAX_BARS = 100;

/** What became of the packets of an SPI. */
export type BarState = 'opened' | 'partly' | 'failed' | 'sealed';

/** An SPI in its direction. */
export interface KeyBar {
  readonly span: SpiSpan;
  readonly direction: TimelineDirection;
  readonly state: BarState;
  /** Seconds since the first packet. */
  readonly from: number;
  readonly to: number;
}

/** A row of the picture. */
export interface KeyRow {
  readonly direction: TimelineDirection;
  readonly bars: readonly KeyBar[];
  readonly packets: number;
}

function stateOf({ opened, packets, failed }: SpiSpan): BarState {
  if (opened === 0) return Object.keys(failed).length > 0 ? 'failed' : 'sealed';
  return opened < packets ? 'partly' : 'opened';
}

/** Rows of a timeline, the busiest directions first, and how many are left out. */
export function keyRows({ directions }: KeyTimelineReport): {
  readonly rows: readonly KeyRow[];
  readonly more: number;
} {
  const rows = directions.map((direction): KeyRow => {
    const bars = direction.spis.map((span): KeyBar => {
      const from = span.first?.offset ?? 0;
      return { span, direction, state: stateOf(span), from, to: span.last?.offset ?? from };
    });
    return { direction, bars, packets: direction.spis.reduce((sum, { packets }) => sum + packets, 0) };
  });
  rows.sort((a, b) => b.packets - a.packets);
  return { rows: rows.slice(0, MAX_DIRECTIONS), more: Math.max(0, rows.length - MAX_DIRECTIONS) };
}

/** The bars of a row that are drawn, by time. */
export function drawnBars({ bars }: KeyRow): readonly KeyBar[] {
  if (bars.length <= MAX_BARS) return bars;
  return [...bars]
    .sort((a, b) => b.span.packets - a.span.packets)
    .slice(0, MAX_BARS)
    .sort((a, b) => a.from - b.from);
}

/** What a state means. */
export const STATE_TEXT: Readonly<Record<BarState, string>> = {
  opened: 'decrypted',
  partly: 'partly decrypted',
  failed: 'no key opens it',
  sealed: 'no keys given',
};
