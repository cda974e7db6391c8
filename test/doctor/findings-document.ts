/** docs/findings.md: every finding, with an input that causes it and what doctor says of it. */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type DoctorReport, FINDINGS, type Finding } from '../../src/doctor/index.js';
import { FAULTS } from '../../src/generate/index.js';
import { vtep } from '../cli/run.js';
import { ROOT } from '../repository.js';
import { examine } from './examined.js';

export const DOCUMENT = join(ROOT, 'docs/findings.md');
const PASTES = join(ROOT, 'fixtures/doctor');
const ISSUES = 'https://github.com/';
const HEAD = `# The findings of \`vtep doctor\`

Everything that [doctor](doctor.md) can find. Each with an input that causes it, generated or in \`fixtures\`, and the line
that doctor prints for it: this document is written by \`npm run docs:findings\`, and a test compares both. The same inputs without
the fault raise nothing (\`test/doctor\`).

`;

/** Recordings that show what no generated fault and no paste does. */
const RECORDINGS: readonly (readonly string[])[] = [
  ['docker/03-vip-http.underlay.pcap', 'docker/07-encrypted.underlay.pcap'],
  ['vxlan/60-offload-on-http.underlay.pcap'],
  ['docker/01-swarm-init-join.underlay.pcap', 'gossip/live-keys.txt'],
  ['gossip/live-refute.pcap', 'gossip/live-keys.txt'],
];

/** An input that causes a finding, and what doctor says of it. */
interface Example {
  readonly input: string;
  readonly line: string;
}

/** The folders with pastes. */
function pastes(): string[] {
  if (!existsSync(PASTES)) return [];
  return readdirSync(PASTES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(PASTES, name))
    .sort();
}

/** What doctor says of files. */
async function reportOf(files: readonly string[]): Promise<DoctorReport> {
  const paths = files.map((file) => relative(process.cwd(), file));
  const { stdout, stderr } = await vtep(['doctor', ...paths, '--json']);
  if (stdout === '') throw new Error(`${paths.join(' ')}: ${stderr}`);
  return JSON.parse(stdout) as DoctorReport;
}

/** What doctor says of the files in a folder. */
export async function pasteReport(folder: string): Promise<DoctorReport> {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  return reportOf(files.map(({ name }) => join(folder, name)).sort());
}

/** What doctor says of a finding, or that another one explains it. */
function lineOf({ findings, consequences }: DoctorReport, id: string): string | undefined {
  const own = findings.find((one) => one.id === id);
  if (own !== undefined) return `${own.severity}: ${plainMarkdown(own.summary)}`;
  const explained = consequences.find((one) => one.id === id);
  if (explained === undefined) return undefined;
  return `explained by [${explained.cause}](#${explained.cause}): ${plainMarkdown(explained.summary)}`;
}

/** An example of each finding by its id. */
async function examples(): Promise<Map<string, Example>> {
  const found = new Map<string, Example>();
  for (const { name, needs, twoCaptures } of FAULTS) {
    const encrypted = needs === 'encrypted';
    const options = { packets: 1500, faults: [name], encrypted };
    const { report } = await examine(options, twoCaptures === true ? ['node3', 'node4'] : []);
    const line = lineOf(report, name);
    const words = `vtep generate --packets 1500${encrypted ? ' --encrypted' : ''} --fault ${name}`;
    const input =
      twoCaptures === true ? `\`${words}\` with \`--seen-by node3\` and \`--seen-by node4\`` : `\`${words}\``;
    if (line !== undefined) found.set(name, { input, line });
  }
  const add = (input: string, report: DoctorReport): void => {
    for (const { id } of report.findings) {
      const line = lineOf(report, id);
      if (line !== undefined && !found.has(id)) found.set(id, { input, line });
    }
  };
  for (const folder of pastes()) add(`\`${relative(ROOT, folder)}\``, await pasteReport(folder));
  for (const files of RECORDINGS) {
    const input = files.map((file) => `\`fixtures/${file}\``).join(' with ');
    add(input, await reportOf(files.map((file) => join(ROOT, 'fixtures', file))));
  }
  return found;
}

function threadLink(thread: string): string {
  return `[${thread}](${ISSUES}${thread.replace('#', '/issues/')})`;
}

/** Text in which Markdown sees no markup of its own. */
function plainMarkdown(text: string): string {
  return text.replaceAll(/[<>*_|\\[\]]/g, (character) => `\\${character}`);
}

function section(finding: Finding, example: Example | undefined): string {
  const { id, title, severity, looksAt, fires, means, explains, threads } = finding;
  const lines = [
    `### ${id}`,
    '',
    `${title} (${severity}).`,
    '',
    `- Looks at: ${plainMarkdown(looksAt)}`,
    `- Fires: ${plainMarkdown(fires)}`,
    `- Means: ${plainMarkdown(means)}`,
    ...(explains.length === 0 ? [] : [`- Explains: ${explains.map((other) => `[${other}](#${other})`).join(', ')}`]),
    ...(threads.length === 0 ? [] : [`- Seen in: ${threads.map(threadLink).join(', ')}`]),
    ...(example === undefined ? [] : [`- Example: ${example.input}`, '', `> ${example.line}`]),
    '',
    '',
  ];
  return lines.join('\n');
}

/** The document. */
export async function findingsDocument(): Promise<string> {
  const known = await examples();
  const rows = FINDINGS.map(({ id, severity, title }) => `| [${id}](#${id}) | ${severity} | ${plainMarkdown(title)} |`);
  return `${HEAD}| finding | severity | what is wrong |\n| --- | --- | --- |\n${rows.join('\n')}\n\n${FINDINGS.map(
    (finding) => section(finding, known.get(finding.id)),
  ).join('')}`;
}
