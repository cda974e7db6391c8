/** What is wrong: diagnoses with evidence and remedy, or without them, the problems that a survey noticed. */
import type { Problem } from '../../inspect/index.js';
import { moreRows } from '../data-table.js';
import { Markup, markup, NOTHING, type Part } from '../markup.js';
import { counted, grouped } from '../quantities.js';
import type { ReportFinding, ReportPlace } from '../report-contents.js';
import type { Section } from './section.js';

const MAX_FINDINGS = 30;
const MAX_EXHIBITS = 12;
const MAX_PLACES = 5;
const MAX_LINES = 40;
const SEVERITIES = ['error', 'warning', 'note'] as const;
const NAMES = { error: 'Error', warning: 'Warning', note: 'Note' } as const;
const PLURALS = { error: 'errors', warning: 'warnings', note: 'notes' } as const;
const THREAD = /^([\w.-]{1,100}\/[\w.-]{1,100})#(\d{1,9})$/;

/** How many there are of each severity: `1 error, 2 warnings`; empty for none. */
export function severityText(all: readonly { readonly severity: ReportFinding['severity'] }[]): string {
  return SEVERITIES.flatMap((severity) => {
    const count = all.filter((one) => one.severity === severity).length;
    return count === 0 ? [] : [counted(count, severity, PLURALS[severity])];
  }).join(', ');
}

/** The highest severity; `good` for none. */
export function worstOf(all: readonly { readonly severity: ReportFinding['severity'] }[]): string {
  return SEVERITIES.find((severity) => all.some((one) => one.severity === severity)) ?? 'good';
}

function badge(severity: ReportFinding['severity']): Markup {
  return markup`<span class="badge ${severity}">${NAMES[severity]}</span>`;
}

function placeText({ file, line, packet }: ReportPlace): string {
  if (packet !== undefined) return `${file}, packet ${grouped(packet)}`;
  return line === undefined ? file : `${file}, line ${grouped(line)}`;
}

function thread(name: string): Markup {
  const match = THREAD.exec(name);
  if (match === null) return markup`<li>${name}</li>`;
  return markup`<li><a href="https://github.com/${match[1]}/issues/${match[2]}" rel="noreferrer">${name}</a></li>`;
}

/** Texts of a list, and how many more there are. */
function listed<T>(all: readonly T[], most: number, item: (one: T) => Markup, rest: string): Part {
  return [all.slice(0, most).map(item), all.length > most ? markup`<li>and ${all.length - most} ${rest}</li>` : ''];
}

function exhibit({ text, places = [] }: ReportFinding['exhibits'][number]): Markup {
  if (places.length === 0) return markup`<li>${text}</li>`;
  const shown = places.slice(0, MAX_PLACES).map(placeText);
  return markup`<li>${text} <span class="places">${shown.join('; ')}</span></li>`;
}

/** Commands, one per line; a command may have several. */
export function commandBlock(commands: readonly string[]): Markup {
  if (commands.length === 0) return NOTHING;
  const lines = commands.flatMap((command) => command.split('\n')).slice(0, MAX_LINES);
  return markup`<pre class="commands"><code>${lines.map((line) => [line, new Markup('\n')])}</code></pre>
`;
}

function details(finding: ReportFinding): Markup {
  const { means, exhibits, advice, commands, threads, severity } = finding;
  const part = (title: string, content: Part, empty: boolean): Markup =>
    empty ? NOTHING : markup`<h4>${title}</h4>${content}`;
  const steps =
    advice.length === 1
      ? markup`<p>${advice[0]}</p>`
      : markup`<ol>${advice.slice(0, MAX_LINES).map((text) => markup`<li>${text}</li>`)}</ol>`;
  return markup`<details class="evidence"${new Markup(severity === 'error' ? ' open' : '')}><summary>Evidence, and what to do</summary>
<div class="finding-parts"><div>${part('What it means', markup`<p>${means}</p>`, means === '')}
${part('Evidence', markup`<ul>${listed(exhibits, MAX_EXHIBITS, exhibit, 'more')}</ul>`, exhibits.length === 0)}</div>
<div>${part('What to do', [steps, commandBlock(commands)], advice.length + commands.length === 0)}
${part('Described in', markup`<ul class="threads">${listed(threads, MAX_EXHIBITS, thread, 'more')}</ul>`, threads.length === 0)}</div></div>
</details>`;
}

function findingCard(finding: ReportFinding, number: number): Markup {
  const { id, title, severity, certainty, summary } = finding;
  return markup`<article class="finding ${severity}" aria-labelledby="finding-${number}">
<p class="tags">${badge(severity)} <span class="quiet">${certainty}</span></p>
<h3 id="finding-${number}">${title} <code class="tag">${id}</code></h3>
<p>${summary}</p>
${details(finding)}
</article>
`;
}

function nothingFound(text: string): Markup {
  return markup`<p class="nothing"><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3.5 8.5l3 3 6-7"/></svg>${text}</p>
`;
}

/** The diagnoses, the worst first. */
function findingsSection(findings: readonly ReportFinding[]): Section {
  const sorted = SEVERITIES.flatMap((severity) => findings.filter((one) => one.severity === severity));
  const shown = sorted.slice(0, MAX_FINDINGS);
  return {
    id: 'findings',
    title: 'Findings',
    content:
      findings.length === 0
        ? nothingFound('Nothing wrong was found.')
        : markup`${shown.map((finding, i) => findingCard(finding, i + 1))}${moreRows(sorted.length - shown.length, 'more findings')}`,
  };
}

function problemsSection(problems: readonly Problem[]): Section {
  const sorted = SEVERITIES.flatMap((severity) => problems.filter((one) => one.severity === severity));
  const shown = sorted.slice(0, MAX_FINDINGS);
  const rows = shown.map(
    ({ severity, count, code, message }) => markup`<li class="${severity}">${badge(severity)}
<p><strong>${grouped(count)}</strong> ${message}</p><code class="tag">${code}</code></li>
`,
  );
  return {
    id: 'findings',
    title: 'Problems',
    content:
      problems.length === 0
        ? nothingFound('No problems in these captures.')
        : markup`<ul class="problems">
${rows}</ul>
${moreRows(sorted.length - shown.length, 'more')}`,
  };
}

/** The first section of the page. */
export function diagnosisSection(
  findings: readonly ReportFinding[] | undefined,
  problems: readonly Problem[],
): Section {
  return findings === undefined ? problemsSection(problems) : findingsSection(findings);
}
