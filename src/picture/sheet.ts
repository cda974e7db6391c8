/** A whole picture: its card, style sheet, and texts for screen readers. */
import { element, escapeXml, pixels } from './markup.js';
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

/**
 * A picture of the full width.
 * @param height in pixels
 */
export function sheet({ id, title, description }: Caption, height: number, children: readonly string[]): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    width: WIDTH,
    height,
    viewBox: `0 0 ${WIDTH} ${pixels(height)}`,
    class: ROOT_CLASS,
    role: 'img',
    'aria-labelledby': `${id}-title ${id}-description`,
  };
  const card = { x: 0.5, y: 0.5, width: WIDTH - 1, height: height - 1, rx: 8, class: 'card' };
  const parts = [
    element('title', { id: `${id}-title` }, escapeXml(title)),
    element('desc', { id: `${id}-description` }, escapeXml(description)),
    element('style', {}, styleSheet()),
    element('rect', card),
    ...children,
  ];
  return `${element('svg', attributes, `\n${parts.join('\n')}\n`)}\n`;
}
