/** A whole picture: its card, style sheet, and texts for screen readers. */
import { type Attributes, element, escapeXml, pixels } from './markup.js';
import { ROOT_CLASS, styleSheet } from './theme.js';

/** Width of every picture in pixels: what a README shows. */
export const WIDTH = 800;
/** Distance between the edge and what is drawn. */
export const MARGIN = 20;

/** The area available to a panel, in pixels. */
export interface PanelArea {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** A drawn panel. */
export interface Panel {
  readonly height: number;
  readonly markup: readonly string[];
}

/** What a picture is called, and shows. */
export interface Caption {
  /** Prefix of its ids, so that several pictures may share a page. */
  readonly id: string;
  readonly title: string;
  /** A sentence or more. */
  readonly description: string;
}

/** The attributes of a picture's root. */
function rootOf({ id }: Caption, width: number, height: number, look = ''): Attributes {
  return {
    width,
    height,
    viewBox: `0 0 ${pixels(width)} ${pixels(height)}`,
    class: `${ROOT_CLASS} ${look}`.trim(),
    role: 'img',
    'aria-labelledby': `${id}-title ${id}-description`,
  };
}

/** What screen readers read. */
function texts({ id, title, description }: Caption): string[] {
  return [
    element('title', { id: `${id}-title` }, escapeXml(title)),
    element('desc', { id: `${id}-description` }, escapeXml(description)),
  ];
}

/**
 * A picture on a page of ours, which has the style sheet (`pageStyleSheet`) and draws the card.
 * @param look further classes of its root
 */
export function figure(
  caption: Caption,
  width: number,
  height: number,
  look: string,
  children: readonly string[],
): string {
  return element('svg', rootOf(caption, width, height, look), ...texts(caption), ...children);
}

/**
 * A picture of the full width.
 * @param height in pixels
 */
export function sheet(caption: Caption, height: number, children: readonly string[]): string {
  const attributes = { xmlns: 'http://www.w3.org/2000/svg', ...rootOf(caption, WIDTH, height) };
  const card = { x: 0.5, y: 0.5, width: WIDTH - 1, height: height - 1, rx: 8, class: 'card' };
  const parts = [...texts(caption), element('style', {}, styleSheet()), element('rect', card), ...children];
  return `${element('svg', attributes, `\n${parts.join('\n')}\n`)}\n`;
}
