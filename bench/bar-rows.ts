/** Rows of a bar chart: a name, a bar with its range, and its figure. */
import { letters } from '../src/picture/letters.js';
import { element, textWidth, tip } from '../src/picture/markup.js';
import { MARGIN, WIDTH } from '../src/picture/sheet.js';
import { edgeClass, fillClass, Size } from '../src/picture/theme.js';
import type { Scale } from './scale.js';

/** Left edges of the names and of the bars, and right edge of the longest possible bar. */
export const NAMES = 192;
export const BARS = 356;
export const END = 690;

/** Height of a row, alone and as one of several of the same program. */
const ROW = 21;
const SHARED_ROW = 16;
/** Share of a row that its bar takes. */
const FILLED = 0.62;
const CAP = 3;

/** A figure, and the range that it was measured in. */
export interface Bar {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** What is written after the bar, and instead of it in a narrow picture. */
  readonly text: string;
  readonly narrow: string;
  /** Tooltip. */
  readonly tip: string;
  /** Index of the machine, which decides how strong the bar is. */
  readonly machine: number;
}

/** A program with a bar for each machine that it was measured on. */
export interface BarRow {
  readonly name: string;
  readonly narrow: string;
  /** Whether it is vtep. */
  readonly own: boolean;
  readonly bars: readonly Bar[];
}

/** How strong a machine's bars are: vtep's, and those of others. */
export function opacityOf(own: boolean, machine: number): number {
  return (own ? 1 : 0.55) * 0.6 ** machine;
}

function barHeight(row: BarRow): number {
  return row.bars.length > 1 ? SHARED_ROW : ROW;
}

/** The height of some rows. */
export function rowsHeight(rows: readonly BarRow[]): number {
  return rows.reduce((height, row) => height + barHeight(row) * row.bars.length, 0);
}

/** A line from the lowest to the highest figure, with a cap at each end. */
function whisker(from: number, to: number, y: number): string {
  if (!(to - from >= 1)) return '';
  const [left, right, top, bottom] = [from, to, y - CAP, y + CAP].map((at) => at.toFixed(1));
  const middle = y.toFixed(1);
  const path = `M${left} ${top} V${bottom} M${left} ${middle} H${right} M${right} ${top} V${bottom}`;
  return element('path', { d: path, class: 'halo' }) + element('path', { d: path, class: edgeClass(undefined) });
}

function drawBar(row: BarRow, bar: Bar, y: number, x: Scale): string {
  const height = barHeight(row);
  const end = x(bar.value);
  const middle = y + height / 2;
  const clip = (at: number): number => Math.min(Math.max(at, BARS), END);
  const [from, to] = [clip(x(bar.low)), clip(x(bar.high))];
  const right = Math.max(end, to) + 7;
  const rect = { x: BARS, y: middle - (height * FILLED) / 2, width: end - BARS, height: height * FILLED, rx: 2 };
  const style = { size: Size.Small, narrow: bar.narrow, narrowY: middle + 6.5 };
  const look = row.own ? 'strong halo' : 'halo';
  // A label without space after its bar ends at the margin.
  const room = WIDTH - MARGIN - right;
  const fits = Math.max(textWidth(bar.text, Size.Small.wide), textWidth(bar.narrow, Size.Small.narrow)) <= room;
  return element(
    'g',
    {},
    tip(bar.tip),
    element('rect', {
      ...rect,
      class: fillClass(row.own ? 0 : undefined),
      'fill-opacity': opacityOf(row.own, bar.machine),
    }),
    whisker(from, to, middle),
    fits
      ? letters(right, middle + 4, bar.text, { ...style, look })
      : letters(WIDTH - MARGIN, middle + 4, bar.text, { ...style, look: `${look} end` }),
  );
}

/** Draws rows below each other. */
export function drawRows(rows: readonly BarRow[], top: number, x: Scale): string[] {
  let y = top;
  return rows.flatMap((row) => {
    const height = barHeight(row);
    const centre = y + (height * row.bars.length) / 2;
    const look = row.own ? 'strong' : '';
    const name = letters(NAMES, centre + 4, row.name, {
      size: Size.Small,
      look,
      narrow: row.narrow,
      narrowY: centre + 6.5,
    });
    const bars = row.bars.map((bar, i) => drawBar(row, bar, y + i * height, x));
    y += height * row.bars.length;
    return [name, ...bars];
  });
}
