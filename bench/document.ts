/**
 * Writes a run as documents: every table and all pictures. From a run that is recorded in a document, only the pictures.
 *
 *     vtep bench --peers --json > run.json
 *     node dist/bench/document.js run.json
 *     node dist/bench/document.js docs/benchmark.md
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../src/capture/file/output-file.js';
import { ROOT } from './captures.js';
import { plotCosts, plotThroughput } from './plot.js';
import { recordedRun } from './recorded-run.js';
import type { BenchReport } from './result.js';
import { speedChart } from './speed-chart.js';
import { markdownReport } from './table.js';

const HEAD = `# A run of \`vtep bench --peers\`

How it is measured and what it means: [performance.md](performance.md). All figures are from one run.

![vtep and other programs](speed.svg)

![throughput over size](benchmark.svg)

![what each stage costs](benchmark-stages.svg)

`;

if (process.argv.length !== 3) {
  process.stderr.write('usage: node dist/bench/document.js RUN.json | docs/benchmark.md\n');
  process.exit(2);
}
const [, , path] = process.argv;
const text = readFileSync(path, 'utf8');
const recorded = path.endsWith('.md');
const report = recorded ? recordedRun(text) : (JSON.parse(text) as BenchReport);
const markdown = `${HEAD}${markdownReport(report)}\n`;
if (!recorded) writeWhole(join(ROOT, 'docs/benchmark.md'), markdown);
// Both ways draw the same: from figures of three digits.
const drawn = recordedRun(recorded ? text : markdown);
writeWhole(join(ROOT, 'docs/benchmark.svg'), plotThroughput(drawn));
writeWhole(join(ROOT, 'docs/benchmark-stages.svg'), plotCosts(drawn));
writeWhole(join(ROOT, 'docs/speed.svg'), speedChart(drawn));
