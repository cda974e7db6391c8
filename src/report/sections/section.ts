/** A section of the page. */
import { Markup, markup, type Part } from '../markup.js';

/** A section, and how the list of sections names it. */
export interface Section {
  /** For links to it. */
  readonly id: string;
  readonly title: string;
  /** Its name in the list of sections. @default the title */
  readonly short?: string;
  readonly content: Markup;
}

/** A section with its heading. */
export function sectionMarkup({ id, title, content }: Section): Markup {
  return markup`<section aria-labelledby="${id}"><h2 id="${id}" tabindex="-1">${title}</h2>
${content}</section>
`;
}

/** A card that holds a picture or tables. */
export function card(...content: readonly Part[]): Markup {
  return markup`<div class="card">
${content}</div>
`;
}

/** A square in a network's colour. */
export function swatch(look: string): Markup {
  return new Markup(`<span class="swatch ${look}"></span>`);
}

/** A text with a network's colour before it. */
export function keyed(look: string, text: string | number): Markup {
  return markup`<span class="keyed">${swatch(look)} ${text}</span>`;
}
