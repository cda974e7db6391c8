/** Text that stays readable when a picture is shown at half its width: larger, and shorter. */
import { truncateToFit, element, foreign, textWidth, words } from './markup.js';
import { fillClass, type Size, sizeClass } from './theme.js';

/** How a text looks. */
export interface TextStyle {
  readonly size: Size;
  /** Further classes: `strong`, `faint`, `end`, `middle`, `halo`. */
  readonly look?: string;
  /** Space for it in pixels; what doesn't fit is cut. */
  readonly room?: number;
  /** What a narrow picture shows instead; the empty text for nothing. */
  readonly narrow?: string;
  /** The baseline in a narrow picture. */
  readonly narrowY?: number;
}

/** A text at (x, y), and if it isn't the same in a narrow picture, its replacement there. */
export function letters(x: number, y: number, text: string, style: TextStyle): string {
  const { size, look = '', room = Infinity, narrow = text, narrowY = y } = style;
  const classes = `${sizeClass(size)} ${look}`.trim();
  const wide = truncateToFit(foreign(text), size.wide, room);
  const short = truncateToFit(foreign(narrow), size.narrow, room);
  if (wide === short && narrowY === y) return wide === '' ? '' : words(x, y, wide, { class: classes });
  return (
    (wide === '' ? '' : words(x, y, wide, { class: `${classes} wide` })) +
    (short === '' ? '' : words(x, narrowY, short, { class: `${classes} narrow` }))
  );
}

/** An entry of a legend. */
export interface LegendEntry {
  readonly text: string;
  /** What a narrow picture shows instead. */
  readonly narrow: string;
  /** Markup of its sign, 22 pixels wide, with its vertical centre at `y`. */
  readonly sign: (x: number, y: number) => string;
}

/** The sign of an area in a network's colour. */
export function areaSign(network: number | undefined, faint = false): LegendEntry['sign'] {
  const look = { class: fillClass(network), ...(faint ? { 'fill-opacity': 0.4 } : {}) };
  return (x, y) => element('rect', { x: x + 4, y: y - 6, width: 14, height: 12, rx: 2, ...look });
}

const SIGN = 22;
const GAP = 18;

/**
 * A row of entries, as many as fit, and the number of the others.
 * @param y vertical centre
 */
export function legendRow(entries: readonly LegendEntry[], x: number, y: number, width: number, size: Size): string {
  return oneRow(entries, 'wide', x, y, width, size) + oneRow(entries, 'narrow', x, y, width, size);
}

function oneRow(
  entries: readonly LegendEntry[],
  kind: 'wide' | 'narrow',
  x: number,
  y: number,
  width: number,
  size: Size,
): string {
  const parts: string[] = [];
  const baseline = y + size[kind] / 3;
  let at = x;
  for (const [i, entry] of entries.entries()) {
    const text = foreign(kind === 'wide' ? entry.text : entry.narrow);
    const needed = SIGN + 6 + textWidth(text, size[kind]);
    const last = i === entries.length - 1;
    if (needed > x + width - at - (last ? 0 : 4 * size[kind])) {
      parts.push(words(at, baseline, `+${entries.length - i}`, { class: `${sizeClass(size)} faint` }));
      break;
    }
    parts.push(entry.sign(at, y), words(at + SIGN + 6, baseline, text, { class: sizeClass(size) }));
    at += needed + GAP;
  }
  return parts.length === 0 ? '' : element('g', { class: kind }, ...parts);
}
