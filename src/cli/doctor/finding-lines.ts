/** Findings as lines of text. */
import { type DoctorReport, type Exhibit, type Finding, type FindingReport, Severity } from '../../doctor/index.js';
import { shellLines } from '../shell-lines.js';
import { outputScreen } from '../streams.js';
import { type Line, styled, type Style, wrapped } from '../style.js';
import { grouped, table, words } from '../table.js';

const STYLES: Readonly<Record<Severity, Style>> = {
  [Severity.Error]: 'red',
  [Severity.Warning]: 'yellow',
  [Severity.Note]: 'bold',
};
const INDENT = '  ';
const ISSUES = 'https://github.com/';

/** The report of a run. */
export function reportLines(report: DoctorReport): Line[] {
  return [
    headLine(report),
    ...report.findings.flatMap((finding) => ['', ...findingLines(finding), ...omittedLines(report, finding)]),
    ...consequenceLines(report),
    ...collectLines(report),
    ...inputLines(report),
  ];
}

function headLine({ counts, findings }: DoctorReport): Line {
  if (findings.length === 0) return [styled('nothing found', 'green')];
  const parts = Object.values(Severity).flatMap((severity) => {
    const count = counts[severity];
    return count === 0 ? [] : [styled(`${grouped(count)} ${severity}${count === 1 ? '' : 's'}`, STYLES[severity])];
  });
  return parts.flatMap((part, i) => (i === 0 ? [part] : [', ', part]));
}

function findingLines(finding: FindingReport): Line[] {
  const { id, severity, certainty, summary, exhibits, means, advice, commands, threads } = finding;
  return [
    [styled(severity, STYLES[severity]), ': ', styled(id, 'bold'), ` (${certainty})`],
    ...paragraph(summary),
    ...exhibits.flatMap(exhibitLines),
    ...paragraph(means),
    ...advice.flatMap((one) => paragraph(one, '- ')),
    ...commands.flatMap(commandLines),
    ...(threads.length === 0 ? [] : paragraph(`see ${threads.join(', ')}`)),
  ];
}

/** What was seen, with where. */
function exhibitLines({ text, places = [] }: Exhibit): Line[] {
  return paragraph(`${text}${places.length === 0 ? '' : ` (${placesText(places)})`}`, '* ');
}

/** Lines and packets by file: `wire.pcap packets 3, 4; fdb.txt line 7`. */
function placesText(places: NonNullable<Exhibit['places']>): string {
  const files = new Map<string, { lines: number[]; packets: number[] }>();
  for (const { file, line, packet } of places) {
    const found = files.get(file) ?? { lines: [], packets: [] };
    files.set(file, found);
    if (line !== undefined) found.lines.push(line);
    if (packet !== undefined) found.packets.push(packet);
  }
  const list = (name: string, numbers: readonly number[]): string =>
    numbers.length === 0 ? '' : ` ${name}${numbers.length === 1 ? '' : 's'} ${numbers.join(', ')}`;
  return [...files]
    .map(([file, { lines, packets }]) => `${file}${list('line', lines)}${list('packet', packets)}`)
    .join('; ');
}

function omittedLines({ findings, omitted }: DoctorReport, finding: FindingReport): Line[] {
  const more = omitted[finding.id] ?? 0;
  const isLast = findings.findLast(({ id }) => id === finding.id) === finding;
  return isLast && more > 0 ? [`${INDENT}and ${grouped(more)} more of ${finding.id}`] : [];
}

function consequenceLines({ consequences }: DoctorReport): Line[] {
  if (consequences.length === 0) return [];
  const byCause = new Map<string, Set<string>>();
  for (const { id, cause } of consequences) byCause.set(cause, (byCause.get(cause) ?? new Set()).add(id));
  return [
    '',
    [styled('Explained by the above', 'bold')],
    ...[...byCause].flatMap(([cause, ids]) => paragraph(`${[...ids].join(', ')}: by ${cause}`)),
  ];
}

function collectLines({ collect }: DoctorReport): Line[] {
  if (collect.length === 0) return [];
  return [
    '',
    [styled('What would tell more', 'bold')],
    ...collect.flatMap(commandLines),
    ...paragraph(
      'or everything at once: vtep doctor --collect > collect.sh, and sh collect.sh > NODE.txt on each node',
    ),
  ];
}

/** Which inputs were read, as what. */
function inputLines({ inputs }: DoctorReport): Line[] {
  const rows = inputs.map(({ file, node, kinds, continues }) => {
    const contents = kinds.join(', ');
    return [file, node, continues === undefined ? contents : `${contents}, continued`];
  });
  return [
    '',
    [styled('Inputs', 'bold')],
    ...table([words('file', { shorten: 'end' }), words('node'), words('contents', { shorten: 'end' })], rows),
    ...inputs.flatMap(({ file, warnings }) => warnings.flatMap((warning) => paragraph(`${file}: ${warning}`))),
  ];
}

/** `--explain`. */
export function explanationLines(finding: Finding): Line[] {
  const { id, title, severity, looksAt, fires, means, threads, explains } = finding;
  return [
    [styled(id, 'bold'), ` (${severity})`],
    ...paragraph(title),
    '',
    ...paragraph(means),
    '',
    ...paragraph(`looks at: ${looksAt}`),
    ...paragraph(`fires: ${fires}`),
    ...(explains.length === 0 ? [] : paragraph(`explains: ${explains.join(', ')}`)),
    ...threads.map((thread) => `${INDENT}${ISSUES}${thread.replace('#', '/issues/')}`),
  ];
}

/** All findings, each with its title. */
export function catalogueLines(findings: readonly Finding[]): Line[] {
  return findings.flatMap(({ id, severity, title }): Line[] => [
    [styled(id, 'bold'), ` (${severity})`],
    ...paragraph(title),
  ]);
}

/** A text, indented, with a mark before its first line. */
function paragraph(text: string, mark = ''): Line[] {
  const { columns } = outputScreen();
  const hang = INDENT.length + mark.length;
  return wrapped(text, columns - hang, 0).map(
    (line, i) => `${INDENT}${i === 0 ? mark : ' '.repeat(mark.length)}${line}`,
  );
}

/** A command, indented; a long one is continued in the next line. */
function commandLines(command: string): Line[] {
  return shellLines(command, outputScreen().columns - INDENT.length).map((line) => `${INDENT}${line}`);
}
