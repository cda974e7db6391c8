/** Figures of several rounds. */
import type { Figure, LineResult, Sample } from './result.js';

/** The middle value, or the mean of the two middle ones; NaN of none. */
export function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The smallest value that a share of the values doesn't exceed; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** The median and the range. */
export function figureOf(values: readonly number[]): Figure {
  return { median: middle(values), min: Math.min(...values), max: Math.max(...values) };
}

/** A sample of each round; undefined for a round that failed. */
export type Rounds = readonly (Sample | undefined)[];

/** The median of the ratios to another line, each within a round; undefined if no round has both. */
export function ratioOf(rounds: Rounds, reference: Rounds): number | undefined {
  const ratios = rounds.flatMap((sample, i) => {
    const other = reference.at(i);
    return sample === undefined || other === undefined || other.value === 0 ? [] : [sample.value / other.value];
  });
  return ratios.length === 0 ? undefined : middle(ratios);
}

/** What the rounds of a line have in common with a result; undefined if all failed. */
export function summary(
  rounds: Rounds,
  reference: Rounds | undefined,
): Omit<LineResult, 'line' | 'traffic' | 'offloads' | 'unit'> | undefined {
  const samples = rounds.filter((sample) => sample !== undefined);
  if (samples.length === 0) return undefined;
  const ratio = reference === undefined ? undefined : ratioOf(rounds, reference);
  const [{ cpu, retransmits, lost, roundTrips }] = samples;
  const trips = samples.flatMap((sample) => sample.roundTrips ?? []);
  const total = (of: (sample: Sample) => number | undefined): number =>
    samples.reduce((all, sample) => all + (of(sample) ?? 0), 0);
  return {
    figure: figureOf(samples.map(({ value }) => value)),
    ...(ratio === undefined ? {} : { ratio }),
    cpu: cpu.map((_, i) => middle(samples.map((sample) => sample.cpu[i]))),
    ...(retransmits === undefined ? {} : { retransmits: total((sample) => sample.retransmits) }),
    ...(lost === undefined ? {} : { lost: total((sample) => sample.lost) / samples.length }),
    ...(roundTrips === undefined
      ? {}
      : {
          p50: percentile(trips, 0.5),
          p99: percentile(trips, 0.99),
          pings: { sent: total((sample) => sample.sent), answered: trips.length },
        }),
    rounds: samples.map(({ value }) => value),
  };
}
