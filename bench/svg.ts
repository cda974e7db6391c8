/** SVG as text: elements, numbers and words, always well formed. */

import { withoutKeys } from '../src/text/secret-text.js';

/** Characters that XML can't contain, not even escaped, including lone surrogates. */
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
const ESCAPES: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&quot;',
  "'": '&apos;',
};
/** Ratio of a character's width to its height, for a wide font. */
const CHARACTER = 0.6;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";

/** Colours that are legible on the white sheet behind every picture, whatever the page's background. */
export const Colour = {
  Sheet: '#ffffff',
  Ink: '#1f2328',
  Faint: '#59636e',
  Line: '#d1d9e0',
} as const;

/** Keeps text legible across grid lines. */
export const HALO = { stroke: Colour.Sheet, 'stroke-width': 3, 'paint-order': 'stroke', 'stroke-linejoin': 'round' };

/** An element's attributes; numbers are in pixels. */
export type Attributes = Readonly<Record<string, string | number>>;

/** Escapes text for XML; characters that XML can't contain become U+FFFD, possible keys `[hidden]`. */
export function escapeXml(text: string): string {
  return withoutKeys(text)
    .replace(FORBIDDEN, '\uFFFD')
    .replace(/[<>&"']/g, (character) => ESCAPES[character]);
}

/**
 * An element.
 * @param children markup, not text: see `words` and `tip`
 */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${attribute(value)}"`);
  const start = `<${name}${written.join('')}`;
  return children.length === 0 ? `${start}/>` : `${start}>${children.join('')}</${name}>`;
}

function attribute(value: string | number): string {
  return typeof value === 'number' ? String(Number(value.toFixed(2))) : escapeXml(value);
}

/** Text whose baseline starts at (x, y), or ends or is centred there by `text-anchor`. */
export function words(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escapeXml(text));
}

/** Tooltip of the element that contains it. */
export function tip(text: string): string {
  return element('title', {}, escapeXml(text));
}

/**
 * Estimated width of a text in pixels.
 * @param size font size in pixels
 */
export function textWidth(text: string, size: number): number {
  return text.length * size * CHARACTER;
}

/** Truncates a text to fit, with an ellipsis; empty if not even two characters fit. */
export function truncateToFit(text: string, size: number, width: number): string {
  const fits = Math.floor(width / (size * CHARACTER));
  if (text.length <= fits) return text;
  return fits < 3
    ? ''
    : `${Array.from(text)
        .slice(0, fits - 1)
        .join('')}…`;
}

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
    viewBox: `0 0 ${width} ${Number(height.toFixed(2))}`,
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
