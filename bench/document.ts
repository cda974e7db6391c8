/**
 * Writes a run as documents: every table and both pictures.
 *
 *     vtep bench --peers --json > run.json
 *     node dist/bench/document.js run.json
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../src/capture/file/output-file.js';
import { ROOT } from './captures.js';
import { plotReport } from './plot.js';
import type { BenchReport } from './result.js';
import { markdownReport } from './table.js';

const HEAD = `# A run of \`vtep bench --peers\`

How it is measured and what it means: [performance.md](performance.md). All figures are from one run.

![throughput over size, and what each stage costs](benchmark.svg)

`;

if (process.argv.length !== 3) {
  process.stderr.write('usage: node dist/bench/document.js RUN.json\n');
  process.exit(2);
}
const report = JSON.parse(readFileSync(process.argv[2], 'utf8')) as BenchReport;
writeWhole(join(ROOT, 'docs/benchmark.svg'), plotReport(report));
writeWhole(join(ROOT, 'docs/benchmark.md'), `${HEAD}${markdownReport(report)}\n`);
