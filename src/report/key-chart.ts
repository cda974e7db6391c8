/** Which SPI each node sent with, and when, as bars over time. */
import type { KeyTimelineReport, SpiSpan, TimelineDirection } from '../inspect/index.js';
import { fillClass, NETWORK_COLOURS } from '../picture/internal.js';
import { type Markup, markup } from './markup.js';
import { counted, grouped, offsetText } from './quantities.js';
import { moreRows } from './data-table.js';
import { timeAxis } from './throughput-chart.js';

/** Maximum number of directions drawn; the table has more. */
export const MAX_DIRECTIONS = 16;
/** Maximum number of SPIs drawn in one direction. */
const MAX_SPANS = 24;
/** Heights in pixels: consecutive SPIs overlap when keys rotate, so that they take turns between two lanes. */
const BAR = 13;
const LANE = 15;
/** Smallest visible width, and those from which an SPI fits into its bar on a wide and on any screen, in percent. */
const THIN = 0.35;
const LABELLED = 10;
const ALWAYS_LABELLED = 26;

/** The SPIs that were in use: if keys decrypted any packet, only those that they decrypted. */
function inUse({ spis }: TimelineDirection, proven: boolean): SpiSpan[] {
  return spis.filter(({ first, opened }) => first !== null && (!proven || opened > 0));
}

function spanBar(span: SpiSpan, order: number, seconds: number): Markup {
  const { spi, first, last, packets, key } = span;
  const from = first?.offset ?? 0;
  const to = last?.offset ?? from;
  const width = Math.max(THIN, (100 * (to - from)) / seconds);
  const left = Math.min((100 * from) / seconds, 100 - width);
  const y = (order % 2) * LANE;
  const name = key === null ? '' : `, key ${key.tag}`;
  const tip = `SPI ${spi}${name}: ${counted(packets, 'packet')}, ${offsetText(from)} to ${offsetText(to)}`;
  const look = fillClass(order % NETWORK_COLOURS);
  const rect = markup`<rect class="${look}" x="${left.toFixed(2)}%" y="${y}" width="${width.toFixed(2)}%" height="${BAR}" rx="3"><title>${tip}</title></rect>`;
  if (width < LABELLED) return rect;
  const label = width < ALWAYS_LABELLED ? 'spi minor' : 'spi';
  return markup`${rect}<text class="${label}" x="${(left + width / 2).toFixed(2)}%" y="${y + BAR - 3}">${spi}</text>`;
}

function row(direction: TimelineDirection, proven: boolean, seconds: number, rotations: readonly number[]): Markup {
  const spans = inUse(direction, proven);
  const shown = spans.slice(0, MAX_SPANS);
  const lines = rotations.map((at) => {
    const x = ((100 * at) / seconds).toFixed(2);
    return markup`<line class="rotation" x1="${x}%" x2="${x}%" y1="-2" y2="${2 * LANE + 2}"/>`;
  });
  const bars = shown.map((span, i) => spanBar(span, i, seconds));
  const rest = spans.length - shown.length;
  return markup`<div class="key-row"><p class="way"><code>${direction.source}</code> <span class="to">→ <code>${direction.destination}</code></span>${rest > 0 ? ` and ${rest} more SPIs` : ''}</p>
<div class="plot"><svg class="spans" aria-hidden="true">${lines}${bars}</svg></div></div>
`;
}

/** The directions with the most packets, in the order of the report. */
function busiest(directions: readonly TimelineDirection[]): TimelineDirection[] {
  const packets = ({ spis }: TimelineDirection): number => spis.reduce((sum, span) => sum + span.packets, 0);
  const sorted = directions.map((direction, i) => ({ direction, i, packets: packets(direction) }));
  sorted.sort((one, other) => other.packets - one.packets);
  return sorted
    .slice(0, MAX_DIRECTIONS)
    .sort((one, other) => one.i - other.i)
    .map(({ direction }) => direction);
}

/** The chart; undefined if no packet has a time, or all have the same. */
export function keyChart({ directions, summary }: KeyTimelineReport): Markup | undefined {
  const spans = directions.flatMap(({ spis }) => spis);
  const seconds = spans.reduce((end, { last }) => Math.max(end, last?.offset ?? 0), summary.durationSeconds);
  if (!(seconds > 0)) return undefined;
  const proven = spans.some(({ opened }) => opened > 0);
  const used = directions.filter((direction) => inUse(direction, proven).length > 0);
  if (used.length === 0) return undefined;
  const rotations = summary.rotations.slice(0, MAX_SPANS).map(({ start }) => start.offset);
  const text = `${counted(used.length, 'direction')}, ${counted(spans.length, 'SPI')}, ${counted(summary.rotations.length, 'rotation')} in ${grouped(Math.round(seconds))} seconds; the table below has the numbers.`;
  return markup`<div class="key-chart" role="img" aria-label="${text}">
${busiest(used).map((direction) => row(direction, proven, seconds, rotations))}<div class="key-row"><p class="way"></p><div class="plot">${timeAxis(seconds)}</div></div>
</div>
${moreRows(used.length - MAX_DIRECTIONS, 'directions with fewer packets')}`;
}
