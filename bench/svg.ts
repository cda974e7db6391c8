/** SVG as text: elements, numbers and words that are always well formed. */

import { withoutKeys } from '../src/secret-text.js';

/** Characters that XML may not hold, not even escaped, lone surrogates among them. */
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
const ESCAPES: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&quot;',
  "'": '&apos;',
};
/** Of a character's width to its height, a wide font's. */
const CHARACTER = 0.6;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";

/** Colours that can be read on the white sheet that every picture brings along, whatever the page behind it. */
export const Colour = {
  Sheet: '#ffffff',
  Ink: '#1f2328',
  Faint: '#59636e',
  Line: '#d1d9e0',
} as const;

/** Keeps words legible where a line of the grid runs through them. */
export const HALO = { stroke: Colour.Sheet, 'stroke-width': 3, 'paint-order': 'stroke', 'stroke-linejoin': 'round' };

/** An element's attributes; numbers are in pixels. */
export type Attributes = Readonly<Record<string, string | number>>;

/** Text as XML holds it; what XML can't hold becomes U+FFFD, what may be a key `[hidden]`. */
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

/** Words whose base line starts at (x, y), or ends or has its middle there by `text-anchor`. */
export function words(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escapeXml(text));
}

/** What a browser shows when the pointer rests on the element that holds it. */
export function tip(text: string): string {
  return element('title', {}, escapeXml(text));
}

/**
 * About how many pixels a text takes.
 * @param size of its font, in pixels
 */
export function textWidth(text: string, size: number): number {
  return text.length * size * CHARACTER;
}

/** A text's beginning that fits, with a mark where it was cut; empty where not even two characters fit. */
export function cutToFit(text: string, size: number, width: number): string {
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
 * @param title its name, for who can't see it
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
