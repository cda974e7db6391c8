/**
 * Writes a run as documents: every table and all pictures. A run on another kind of machine gets a document of its own, and
 * joins the others in the chart. From a run that is recorded in a document, only the pictures.
 *
 *     vtep bench --peers --json > run.json
 *     node dist/bench/document.js run.json
 *     vtep bench --live --json > live.json
 *     node dist/bench/document.js live.json
 *     node dist/bench/document.js docs/benchmark.md
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeWhole } from '../src/capture/file/output-file.js';
import { ROOT } from './captures.js';
import { plotCosts, plotThroughput } from './plot.js';
import { liveChart } from './live/chart.js';
import { OTHER_VTEP } from './live/lines.js';
import type { LiveReport } from './live/result.js';
import { liveCaption, liveTables } from './live/table.js';
import { documentFor, LIVE_DOCUMENT, LIVE_RECORD, recordedLiveRun, recordedRuns } from './recorded-runs.js';
import type { BenchReport } from './result.js';
import { speedChart } from './speed-chart.js';
import { markdownReport, markdownTable } from './table.js';

const HEAD = `# A run of \`vtep bench --peers\`

How it is measured and what it means: [performance.md](performance.md). All figures are from one run.

`;
const MAIN_DOCUMENT = 'benchmark.md';
const PICTURES = `![vtep and other programs](speed.svg)

![throughput over size](benchmark.svg)

![what each stage costs](benchmark-stages.svg)

`;

const LIVE_HEAD = `# A run of \`vtep bench --live\`

How it is measured and what it means: [performance.md](performance.md#the-live-path). All figures are from one run.

![vtep and other programs, one TCP stream](live-speed.svg)

`;

/** Writes a run's document. */
function writeDocument(report: BenchReport): void {
  const path = documentFor(report.machine, recordedRuns());
  const pictures = path.endsWith(`/${MAIN_DOCUMENT}`) ? PICTURES : '';
  writeWhole(path, `${HEAD}${pictures}${markdownReport(report)}\n`);
}

function writeLiveDocument(report: LiveReport): void {
  const tables = liveTables(report).map((one) => `\n**${one.title}**\n\n${markdownTable(one)}`);
  const lines = report.lines.map(({ line, what }) => `- \`${line}\`: ${what}\n`);
  const other = report.against === undefined ? '' : `\n\`${OTHER_VTEP}\` is another build: ${report.against}.\n`;
  const caption = liveCaption(report).join('\n') + other;
  mkdirSync(dirname(LIVE_RECORD), { recursive: true });
  writeWhole(LIVE_RECORD, `${JSON.stringify(report)}\n`);
  writeWhole(LIVE_DOCUMENT, `${LIVE_HEAD}${caption}\n${tables.join('')}\n**Lines**\n\n${lines.join('')}`);
}

if (process.argv.length !== 3) {
  process.stderr.write('usage: node dist/bench/document.js RUN.json | docs/benchmark.md\n');
  process.exit(2);
}
const [, , path] = process.argv;
if (!path.endsWith('.md')) {
  const report = JSON.parse(readFileSync(path, 'utf8')) as BenchReport | LiveReport;
  if ('counts' in report) writeLiveDocument(report);
  else writeDocument(report);
}
// Drawn from the documents, whose figures have three digits.
const runs = recordedRuns().map(({ report }) => report);
writeWhole(join(ROOT, 'docs/benchmark.svg'), plotThroughput(runs[0]));
writeWhole(join(ROOT, 'docs/benchmark-stages.svg'), plotCosts(runs[0]));
writeWhole(join(ROOT, 'docs/speed.svg'), speedChart(runs));
const live = recordedLiveRun();
if (live !== undefined) writeWhole(join(ROOT, 'docs/live-speed.svg'), liveChart(live));
