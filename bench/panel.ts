/** Common parts of a picture's panels: their position, heading and legend. */
import { Colour, element, textWidth, words } from './svg.js';

import type { Panel, PanelArea } from '../src/picture/sheet.js';

export type { Panel, PanelArea };

/** One entry of a legend. */
export interface LegendEntry {
  readonly name: string;
  readonly colour: string;
  /** Its style: a line with a dot, a box, or the mark next to a bar. */
  readonly swatch: 'line' | 'dashes' | 'box' | 'mark';
}

/** Pixels from a panel's top to below its heading and legend. */
export const HEADING = 56;

const SWATCH = 22;
const GAP = 18;
const SIZE = 12;

/** A panel's heading, followed by its units in smaller letters, with its legend below. */
export function heading(area: PanelArea, title: string, units: string, legend: readonly LegendEntry[]): string[] {
  const { x, y, width } = area;
  const markup = [
    words(x, y + 14, title, { 'font-size': 15, 'font-weight': 600 }),
    words(x + width, y + 14, units, { 'text-anchor': 'end', fill: Colour.Faint }),
  ];
  return [...markup, ...legendOf(legend, x, y + 34)];
}

/** A row of a legend, each entry as wide as its name; `y` is the vertical centre. */
export function legendOf(legend: readonly LegendEntry[], x: number, y: number): string[] {
  const markup: string[] = [];
  let at = x;
  for (const entry of legend) {
    markup.push(...swatch(entry, at, y), words(at + SWATCH + 6, y + 4, entry.name, { 'font-size': SIZE }));
    at += SWATCH + 6 + textWidth(entry.name, SIZE) + GAP;
  }
  return markup;
}

function swatch({ colour, swatch: kind }: LegendEntry, x: number, y: number): string[] {
  if (kind === 'box') return [element('rect', { x: x + 4, y: y - 6, width: 14, height: 12, fill: colour })];
  if (kind === 'mark') return [chainMark(x + 11, y - 8, 16)];
  const line = { x1: x, y1: y, x2: x + SWATCH, y2: y, stroke: colour, 'stroke-width': 2 };
  const dashes = kind === 'dashes' ? { 'stroke-dasharray': '5 3' } : {};
  return [element('line', { ...line, ...dashes }), element('circle', { cx: x + 11, cy: y, r: 3.5, fill: colour })];
}

/** The mark of a figure next to a bar: a vertical line that is visible on any colour. */
export function chainMark(x: number, y: number, height: number): string {
  const bar = { x: x - 1.5, y, width: 3, height };
  return element('rect', { ...bar, fill: Colour.Ink, stroke: Colour.Sheet, 'stroke-width': 1.5 });
}

/** A panel without data, and the reason. */
export function emptyPanel(area: PanelArea, title: string, why: string): Panel {
  const markup = [...heading(area, title, '', []), words(area.x, area.y + 40, why, { fill: Colour.Faint })];
  return { height: HEADING, markup };
}
