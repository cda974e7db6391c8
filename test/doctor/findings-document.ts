/** docs/findings.md: every finding, with an input that causes it and what doctor says of it. */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type DoctorReport, FINDINGS, type Finding, type FindingReport } from '../../src/doctor/index.js';
import { FAULTS } from '../../src/generate/index.js';
import { vtep } from '../cli/run.js';
import { ROOT } from '../repository.js';
import { examine } from './examined.js';

export const DOCUMENT = join(ROOT, 'docs/findings.md');
const PASTES = join(ROOT, 'fixtures/doctor');
const ISSUES = 'https://github.com/';
const HEAD = `# The findings of \`vtep doctor\`

Everything that [doctor](doctor.md) can find. Each with an input that causes it, generated or in \`fixtures/doctor\`, and the line
that doctor prints for it: this document is written by \`npm run docs:findings\`, and a test compares both. The same inputs without
the fault raise nothing (\`test/doctor\`).

`;

/** An input that causes a finding. */
interface Example {
  readonly input: string;
  readonly found: FindingReport;
}

/** The folders with pastes. */
function pastes(): string[] {
  if (!existsSync(PASTES)) return [];
  return readdirSync(PASTES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(PASTES, name))
    .sort();
}

/** What doctor says of the files in a folder. */
export async function pasteReport(folder: string): Promise<DoctorReport> {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ name }) => relative(process.cwd(), join(folder, name))).sort();
  const { stdout, stderr } = await vtep(['doctor', ...paths, '--json']);
  if (stdout === '') throw new Error(`${folder}: ${stderr}`);
  return JSON.parse(stdout) as DoctorReport;
}

/** An example of each finding by its id. */
async function examples(): Promise<Map<string, Example>> {
  const found = new Map<string, Example>();
  for (const { name, needs, twoCaptures } of FAULTS) {
    const encrypted = needs === 'encrypted';
    const options = { packets: 1500, faults: [name], encrypted };
    const { report } = await examine(options, twoCaptures === true ? ['node3', 'node4'] : []);
    const own = report.findings.find(({ id }) => id === name);
    const words = `vtep generate --packets 1500${encrypted ? ' --encrypted' : ''} --fault ${name}`;
    const input =
      twoCaptures === true ? `\`${words}\` with \`--seen-by node3\` and \`--seen-by node4\`` : `\`${words}\``;
    if (own !== undefined) found.set(name, { input, found: own });
  }
  for (const folder of pastes()) {
    const { findings } = await pasteReport(folder);
    for (const one of findings) {
      if (!found.has(one.id)) found.set(one.id, { input: `\`${relative(ROOT, folder)}\``, found: one });
    }
  }
  return found;
}

/** The findings without an example. */
export async function withoutExample(): Promise<string[]> {
  const known = await examples();
  return FINDINGS.map(({ id }) => id).filter((id) => !known.has(id));
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
    ...(example === undefined
      ? []
      : [`- Example: ${example.input}`, '', `> ${example.found.severity}: ${plainMarkdown(example.found.summary)}`]),
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
