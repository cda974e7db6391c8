/** HTML as text, in which whatever isn't markup of our own is escaped. */
import { escapeXml } from '../picture/internal.js';
import { printable } from '../text/plain-text.js';
import { withoutKeys } from '../text/secret-text.js';

/** Names of containers have 64 characters at most, sentences of findings a few hundred. */
const MAX_TEXT = 1000;

/** Markup that needs no escaping. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What markup is made of. Texts are escaped, keys in them hidden, and control characters made visible. */
export type Part = Markup | string | number | undefined | readonly Part[];

/** Nothing. */
export const NOTHING = new Markup('');

/** A text of bounded length. Keys are hidden before the cut, since a part of one isn't recognised. */
function clipped(text: string): string {
  return text.length > MAX_TEXT ? `${withoutKeys(text.slice(0, 2 * MAX_TEXT)).slice(0, MAX_TEXT)}…` : text;
}

/** A part as text. */
export function written(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'number') return String(part);
  if (typeof part === 'string') return escapeXml(printable(clipped(part)));
  if (part instanceof Markup) return part.text;
  return part.map(written).join('');
}

/** Markup of a template: its own text as it is, everything else escaped. */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.reduce((text, next, i) => text + written(parts[i - 1]) + next));
}

/** Whether there is anything to show. */
export function isEmpty(part: Part): boolean {
  return written(part) === '';
}
