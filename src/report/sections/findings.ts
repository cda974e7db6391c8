/** What is wrong: diagnoses with evidence and remedy, or without them, the problems that a survey noticed. */
import type { SurveyReport } from '../../inspect/index.js';
import { moreRows } from '../data-table.js';
import { Markup, markup, NOTHING, type Part } from '../markup.js';
import { counted, grouped } from '../quantities.js';
import type { ReportContents, ReportFinding, ReportPlace } from '../report-contents.js';
import type { Section } from './section.js';

const MAX_FINDINGS = 30;
/** Further findings of one kind that are listed below the first. */
const MAX_ALIKE = 10;
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

/** Lines and packets by file: `wire.pcap, packets 3, 41; fdb.txt, line 7`. */
function placesText(places: readonly ReportPlace[]): string {
  const files = new Map<string, { readonly lines: Set<number>; readonly packets: Set<number> }>();
  for (const { file, line, packet } of places.slice(0, MAX_PLACES)) {
    const found = files.get(file) ?? { lines: new Set(), packets: new Set() };
    files.set(file, found);
    if (packet !== undefined) found.packets.add(packet);
    else if (line !== undefined) found.lines.add(line);
  }
  const list = (name: string, numbers: ReadonlySet<number>): string[] =>
    numbers.size === 0 ? [] : [`${name}${numbers.size === 1 ? '' : 's'} ${[...numbers].map(grouped).join(', ')}`];
  return [...files]
    .map(([file, { lines, packets }]) => [file, ...list('line', lines), ...list('packet', packets)].join(', '))
    .join('; ');
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
  return markup`<li>${text} <span class="places">${placesText(places)}</span></li>`;
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

/** Further findings of a kind, each with its first evidence. */
function alikePart(others: readonly ReportFinding[], unlisted: number): Markup {
  const count = others.length + unlisted;
  if (count === 0) return NOTHING;
  const item = ({ summary, exhibits }: ReportFinding): Markup => {
    const places = placesText(exhibits.flatMap((one) => one.places ?? []));
    return markup`<li>${summary}${places === '' ? NOTHING : markup` <span class="places">${places}</span>`}</li>`;
  };
  const rest = Math.max(0, others.length - MAX_ALIKE) + unlisted;
  return markup`<details class="alike"><summary>${grouped(count)} more like this</summary>
<ul>${others.slice(0, MAX_ALIKE).map(item)}${rest > 0 ? markup`<li>and ${grouped(rest)} more</li>` : ''}</ul></details>
`;
}

/** The findings of a kind and a severity. */
function findingCard([finding, ...others]: FindingGroup, number: number, unlisted: number): Markup {
  const { id, title, severity, certainty, summary } = finding;
  return markup`<article class="finding ${severity}" aria-labelledby="finding-${number}">
<p class="tags">${badge(severity)} <span class="quiet">${certainty}</span></p>
<h3 id="finding-${number}">${title} <code class="tag">${id}</code></h3>
<p>${summary}</p>
${details(finding)}
${alikePart(others, unlisted)}</article>
`;
}

function nothingFound({ packets }: SurveyReport, text: string): Markup {
  if (packets === 0) {
    return markup`<p>There are no packets to look at.</p>
`;
  }
  return markup`<p class="nothing"><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3.5 8.5l3 3 6-7"/></svg>${text}</p>
`;
}

type FindingGroup = readonly [ReportFinding, ...ReportFinding[]];

/** Findings by severity and kind, the worst first: many of one kind must not hide the others. */
function groupsOf(findings: readonly ReportFinding[]): FindingGroup[] {
  const groups = new Map<string, [ReportFinding, ...ReportFinding[]]>();
  for (const severity of SEVERITIES) {
    for (const finding of findings) {
      if (finding.severity !== severity) continue;
      const name = `${severity} ${finding.id}`;
      const group = groups.get(name);
      if (group === undefined) groups.set(name, [finding]);
      else group.push(finding);
    }
  }
  return [...groups.values()];
}

function collectPart(collect: readonly string[]): Markup {
  if (collect.length === 0) return NOTHING;
  return markup`<details class="collect"><summary>Commands whose output would tell more</summary>
${commandBlock(collect)}</details>
`;
}

/** The diagnoses, the worst first. */
function findingsSection({ survey, findings = [], omitted = {}, collect = [] }: ReportContents): Section {
  const groups = groupsOf(findings);
  const shown = groups.slice(0, MAX_FINDINGS);
  const rest = groups.slice(MAX_FINDINGS).reduce((sum, { length }) => sum + length, 0);
  const cards = shown.map((group, i) => {
    const [{ id }] = group;
    const isLast = groups.findLast(([other]) => other.id === id) === group;
    return findingCard(group, i + 1, isLast ? (omitted[id] ?? 0) : 0);
  });
  return {
    id: 'findings',
    title: 'Findings',
    content: markup`${findings.length === 0 ? nothingFound(survey, 'Nothing wrong was found.') : cards}${moreRows(rest, 'more findings')}${collectPart(collect)}`,
  };
}

function problemsSection(survey: SurveyReport): Section {
  const { problems } = survey;
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
        ? nothingFound(survey, 'No problems in these captures.')
        : markup`<ul class="problems">
${rows}</ul>
${moreRows(sorted.length - shown.length, 'more')}`,
  };
}

/** The first section of the page. */
export function diagnosisSection(contents: ReportContents): Section {
  return contents.findings === undefined ? problemsSection(contents.survey) : findingsSection(contents);
}
