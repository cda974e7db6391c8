/** The recorded runs: one of `vtep bench` for each kind of machine, and one of `vtep bench --live`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './captures.js';
import type { LiveReport } from './live/result.js';
import { recordedRun } from './recorded-run.js';
import type { BenchReport } from './result.js';

const DOCS = join(ROOT, 'docs');
/** The first run's document, and those of other machines. */
const FIRST = 'benchmark.md';
const OTHERS = /^benchmark-on-[a-z0-9-]+\.md$/;
/** The document of the live path, and its report, which its chart is drawn from. */
export const LIVE_DOCUMENT = join(DOCS, 'benchmark-live.md');
export const LIVE_RECORD = join(ROOT, 'bench/recorded/live.json');

/** A run and the path of its document. */
export interface Recorded {
  readonly path: string;
  readonly report: BenchReport;
}

/** Every machine's run, the one in benchmark.md first. */
export function recordedRuns(): Recorded[] {
  const names = [
    FIRST,
    ...readdirSync(DOCS)
      .filter((name) => OTHERS.test(name))
      .sort(),
  ];
  return names.map((name) => {
    const path = join(DOCS, name);
    return { path, report: recordedRun(readFileSync(path, 'utf8')) };
  });
}

/** The run of the live path, if one is recorded. */
export function recordedLiveRun(): LiveReport | undefined {
  return existsSync(LIVE_RECORD) ? (JSON.parse(readFileSync(LIVE_RECORD, 'utf8')) as LiveReport) : undefined;
}

/** A machine without what the system's version and Node's add: its processor and cores. */
function kindOf(machine: string): string {
  return machine.split(', ').slice(0, 2).join(', ');
}

/**
 * Where a run is recorded: in the document of the same kind of machine, or in a new one.
 * @param machine as in a report
 */
export function documentFor(machine: string, runs: readonly Recorded[]): string {
  const same = runs.find(({ report }) => kindOf(report.machine) === kindOf(machine));
  if (same !== undefined) return same.path;
  const processor = machine.split(', ')[0].toLowerCase();
  const name =
    processor
      .replaceAll(/\([^)]*\)|@.*/g, '')
      .match(/[a-z0-9]+/g)
      ?.join('-') ?? 'another-machine';
  return join(DOCS, `benchmark-on-${name}.md`);
}
