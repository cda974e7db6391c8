import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { liveChart } from '../../bench/live/chart.js';
import { plotCosts, plotThroughput } from '../../bench/plot.js';
import { recordedRun } from '../../bench/recorded-run.js';
import { documentFor, recordedLiveRun, recordedRuns } from '../../bench/recorded-runs.js';
import type { BenchReport } from '../../bench/result.js';
import { speedChart } from '../../bench/speed-chart.js';
import { markdownReport, reportTables } from '../../bench/table.js';
import { ROOT } from '../repository.js';
import { sampleReport } from './sample-report.js';
import { numberOf, parsePicture } from './xml.js';

const docs = (name: string): string => readFileSync(join(ROOT, 'docs', name), 'utf8');

/**
 * The tables that a document can be read back to: not those of other settings, and not the best rounds. The ratios in the
 * last column come from figures with more digits.
 */
function mainTables(report: BenchReport): (readonly [title: string, rows: readonly (readonly string[])[]])[] {
  return reportTables(report)
    .filter(({ title }) => !/^(?:Nanoseconds|Not measured|Targets)/.test(title))
    .map(({ title, rows, columns }) => [
      title,
      columns.at(-1)?.heading === 'times vtep' ? rows.map((row) => row.slice(0, -1)) : rows,
    ]);
}

describe('a recorded run', () => {
  test('has the machine, the results of every stage and the peers that its document shows', () => {
    const report = sampleReport();
    const read = recordedRun(markdownReport(report));
    assert.deepEqual([read.machine, read.node, read.date], [report.machine, report.node, report.date]);
    assert.deepEqual(mainTables(read), mainTables(report));
  });

  test('a document without a run is refused', () => {
    assert.throws(() => recordedRun('# Notes\n\n| a | b |\n| - | - |\n| 1 | 2 |\n'), /records no run/);
  });

  test('docs/speed.svg shows the recorded runs of all machines, and is at most 600 pixels high', () => {
    const drawn = speedChart(recordedRuns().map(({ report }) => report));
    assert.equal(docs('speed.svg'), drawn);
    assert.ok(numberOf(parsePicture(drawn), 'height') <= 600);
  });

  test('docs/live-speed.svg shows the recorded run of the live path, if there is one', () => {
    const live = recordedLiveRun();
    assert.equal(existsSync(join(ROOT, 'docs/live-speed.svg')), live !== undefined);
    if (live !== undefined) assert.equal(docs('live-speed.svg'), liveChart(live));
  });

  test('is replaced by one on the same kind of machine, and joined by one on another', () => {
    const runs = recordedRuns();
    const [{ path, report }] = runs;
    const newer = report.machine.replace(/Linux .*/, 'Linux 7.1, AES-NI');
    assert.equal(documentFor(newer, runs), path);
    const other = documentFor('Intel(R) Xeon(R) Processor @ 2.70GHz, 2 cores, Linux 6.18', runs);
    assert.equal(other, join(ROOT, 'docs/benchmark-on-intel-xeon-processor.md'));
  });

  for (const [name, draw] of [
    ['benchmark.svg', plotThroughput],
    ['benchmark-stages.svg', plotCosts],
  ] as const) {
    test(`docs/${name} shows the run of docs/benchmark.md, and is at most 600 pixels high`, () => {
      const drawn = draw(recordedRun(docs('benchmark.md')));
      assert.equal(docs(name), drawn);
      assert.ok(numberOf(parsePicture(drawn), 'height') <= 600);
    });
  }
});
