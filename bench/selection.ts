/** Selects the results of a report to compare. */
import { bySize } from './imix.js';
import { type BenchReport, type BenchResult, type FrameSize, type PeerResult, Stage } from './result.js';

/** Parameters of a result. */
export interface Setting {
  readonly batch: number;
  readonly flows: number;
}

/** Benchmark figures outside this range are invalid. */
const SMALLEST = 1e-9;
const LARGEST = 1e18;

/** Whether all figures of a result are valid: a report may come from a file. */
export function measured(result: BenchResult | PeerResult): boolean {
  const { bytes, pps, nsPerPacket, bitsPerSecond, spread } = result;
  const size = typeof bytes === 'number' ? bytes : 1;
  const setting = 'batch' in result ? [result.batch, result.flows] : [];
  const figures = [size, ...setting, pps, nsPerPacket, bitsPerSecond];
  return figures.every((figure) => figure > SMALLEST && figure < LARGEST) && Number.isFinite(spread);
}

/** The results of a stage, by size and then fastest first. */
export function resultsOf(report: BenchReport, stage: Stage, encrypted: boolean): BenchResult[] {
  return report.results
    .filter((result) => result.stage === stage && result.encrypted === encrypted && measured(result))
    .sort((a, b) => bySize(a.bytes, b.bytes) || a.nsPerPacket - b.nsPerPacket);
}

/** The largest batch, and of the flows measured with it those with the most sizes (the fewest, if several have). */
export function usualSetting(results: readonly BenchResult[]): Setting | undefined {
  if (results.length === 0) return undefined;
  const batch = results.reduce((largest, result) => Math.max(largest, result.batch), 0);
  const sizes = new Map<number, Set<FrameSize>>();
  for (const result of results) {
    if (result.batch !== batch) continue;
    sizes.set(result.flows, (sizes.get(result.flows) ?? new Set()).add(result.bytes));
  }
  const [[flows]] = [...sizes].sort((a, b) => b[1].size - a[1].size || a[0] - b[0]);
  return { batch, flows };
}

/** A setting for display. */
export function settingName({ batch, flows }: Setting): string {
  return `batches of ${batch}, ${flows} ${flows === 1 ? 'flow' : 'flows'}`;
}

/** A stage's results with the setting used for comparison. */
export function usualResults(report: BenchReport, stage: Stage, encrypted: boolean): BenchResult[] {
  const results = resultsOf(report, stage, encrypted);
  const setting = usualSetting(results);
  return results.filter((result) => result.batch === setting?.batch && result.flows === setting.flows);
}

/** The result with the least time per packet. */
export function fastest<T extends BenchResult | PeerResult>(results: readonly T[]): T | undefined {
  return results.reduce<T | undefined>(
    (best, result) => (best !== undefined && best.nsPerPacket <= result.nsPerPacket ? best : result),
    undefined,
  );
}

/** Names of the measured ciphers, fastest first: by their fastest packet in any stage that has one. */
export function backendNames(report: BenchReport): string[] {
  const quickest = new Map<string, number>();
  for (const stage of [Stage.Seal, Stage.Open, Stage.Egress, Stage.Ingress]) {
    for (const { backend, nsPerPacket } of usualResults(report, stage, true)) {
      if (backend === null) continue;
      quickest.set(backend, Math.min(nsPerPacket, quickest.get(backend) ?? Number.POSITIVE_INFINITY));
    }
  }
  return [...quickest].sort((a, b) => a[1] - b[1]).map(([name]) => name);
}
