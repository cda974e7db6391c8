/** Pictures of measurements: SVG on a white sheet. */
import { element, escapeXml, FONT, pixels } from '../src/picture/markup.js';

export { type Attributes, truncateToFit, element, escapeXml, textWidth, tip, words } from '../src/picture/markup.js';

/** Colours that are legible on the white sheet behind every picture, whatever the page's background. */
export const Colour = {
  Sheet: '#ffffff',
  Ink: '#1f2328',
  Faint: '#59636e',
  Line: '#d1d9e0',
} as const;

/** Keeps text legible across grid lines. */
export const HALO = { stroke: Colour.Sheet, 'stroke-width': 3, 'paint-order': 'stroke', 'stroke-linejoin': 'round' };

/**
 * A whole picture on a white sheet.
 * @param title its name, for screen readers
 * @param description what it shows, in a sentence or more
 */
export function picture(
  width: number,
  height: number,
  title: string,
  description: string,
  ...children: readonly string[]
): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    width,
    height,
    viewBox: `0 0 ${width} ${pixels(height)}`,
    role: 'img',
    'aria-labelledby': 'title description',
    'font-family': FONT,
    'font-size': 12,
    fill: Colour.Ink,
  };
  const sheet = {
    x: 0.5,
    y: 0.5,
    width: width - 1,
    height: height - 1,
    rx: 6,
    fill: Colour.Sheet,
    stroke: Colour.Line,
  };
  const parts = [
    element('title', { id: 'title' }, escapeXml(title)),
    element('desc', { id: 'description' }, escapeXml(description)),
    element('rect', sheet),
    ...children,
  ];
  return `${element('svg', attributes, `\n${parts.join('\n')}\n`)}\n`;
}
