/** SVG as text: elements, numbers and labels, always well formed. */
import { printable } from '../text/plain-text.js';
import { withoutKeys } from '../text/secret-text.js';

/** Characters that XML can't contain, not even escaped, including lone surrogates. */
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
const ESCAPES: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&quot;',
  "'": '&apos;',
};
/** Maximum length of a text from a capture in characters; names of containers have 64. */
const MAX_FOREIGN = 256;
/** Ratio of a character's width to its height, for a wide font. */
const CHARACTER = 0.6;

/** The fonts of every picture: the system's own. */
export const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";

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
  return typeof value === 'number' ? pixels(value) : escapeXml(value);
}

/** A length or position, with at most two decimals. */
export function pixels(value: number): string {
  return String(Number(value.toFixed(2)));
}

/** Text whose baseline starts at (x, y), or ends or is centred there by `text-anchor`. */
export function words(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escapeXml(text));
}

/** Tooltip of the element that contains it. */
export function tip(text: string): string {
  return element('title', {}, escapeXml(text));
}

/** Text from a capture, such as a file name, as one line of bounded length without control characters. */
export function foreign(text: string): string {
  if (text.length <= MAX_FOREIGN) return printable(text);
  // Keys are hidden before the cut, since a part of one isn't recognised.
  return printable(`${withoutKeys(text.slice(0, 2 * MAX_FOREIGN)).slice(0, MAX_FOREIGN)}…`);
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
