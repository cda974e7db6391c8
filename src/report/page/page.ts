/** The page: head, heading, list of sections, sections. */
import { createHash } from 'node:crypto';
import { Markup, markup, type Part } from '../markup.js';
import { type Section, sectionMarkup } from '../sections/section.js';
import { PAGE_SCRIPT } from './page-script.js';
import { pageStyle } from './page-style.js';

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%230969da'/%3E%3Cpath d='M4 5l4 7 4-7' fill='none' stroke='white' stroke-width='2'/%3E%3C/svg%3E";

/** What is above the sections. */
export interface PageHeading {
  readonly title: string;
  readonly subtitle: string;
  /** The outcome in few words, and its severity. */
  readonly verdict: { readonly text: string; readonly severity: string };
  /** Names and values. */
  readonly figures: readonly (readonly [name: string, value: string])[];
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

function heading({ title, subtitle, verdict, figures }: PageHeading): Markup {
  return markup`<header>
<h1>${title}</h1>
<p class="subtitle">${subtitle}</p>
<a class="verdict ${verdict.severity}" href="#findings">${verdict.text}</a>
<dl class="figures">${figures.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</header>
`;
}

/**
 * The whole page. Its policy allows nothing but its own style, script and icon: it can request nothing, and markup that came
 * from an input couldn't do anything.
 */
export function pageText(top: PageHeading, sections: readonly Section[], footer: Part): string {
  const style = `\n${pageStyle()}\n`;
  const script = `\n${PAGE_SCRIPT}`;
  const policy = [
    "default-src 'none'",
    `style-src ${hashOf(style)}`,
    `script-src ${hashOf(script)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${top.title} – vtep report</title>
<link rel="icon" href="${new Markup(ICON)}">
<style>${new Markup(style)}</style>
</head>
<body>
<a class="skip" href="#findings">Skip to the findings</a>
<div class="page">
${heading(top)}<nav aria-label="Sections"><ul>${sections.map(({ id, title, short = title }) => markup`<li><a href="#${id}">${short}</a></li>`)}</ul></nav>
<main>
${sections.map(sectionMarkup)}</main>
<footer>${footer}</footer>
</div>
<script>${new Markup(script)}</script>
</body>
</html>
`.text;
}
