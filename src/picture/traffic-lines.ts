/** Traffic over time as lines: one per network that has a colour, one for the others, for sealed ESP, and for the rest. */
import type { TimeSeriesReport } from '../inspect/index.js';
import { pixels } from './markup.js';
import { type NetworkIndex, ownColours } from './network-colours.js';
import { NETWORK_COLOURS } from './theme.js';

/** The traffic of a network over time. */
export interface TrafficLine {
  readonly name: string;
  /** Index of its network; undefined for what isn't one. */
  readonly colour: number | undefined;
  /** Whether it is drawn fainter than another line without a colour. */
  readonly faint: boolean;
  /** Bits per second in each interval. */
  readonly rates: readonly number[];
}

/** The busiest networks, the sum of the others, ESP that wasn't decrypted, and traffic outside the overlays. */
export function trafficLines(series: TimeSeriesReport, index: NetworkIndex): TrafficLine[] {
  const rates = (bytes: readonly number[]): number[] => bytes.map((count) => (8 * count) / series.intervalSeconds);
  const networks = series.networks.flatMap(({ vni, bytes }) => (vni === null ? [] : [{ vni, bytes }]));
  const outside = series.networks.find(({ vni }) => vni === null);
  const [own, more] = ownColours(networks, index);
  const lines = own.map(({ vni, bytes }): TrafficLine => ({
    name: `VNI ${vni}`,
    colour: index.get(vni),
    faint: false,
    rates: rates(bytes),
  }));
  if (more > 0) {
    const sum: number[] = own[0].bytes.map(() => 0);
    for (const network of networks) {
      if (own.includes(network)) continue;
      for (const [i, count] of network.bytes.entries()) sum[i] += count;
    }
    lines.push({
      name: `${more} more network${more === 1 ? '' : 's'}`,
      colour: NETWORK_COLOURS - 1,
      faint: false,
      rates: rates(sum),
    });
  }
  const { esp } = series;
  if (esp !== undefined) {
    lines.push({ name: 'ESP, not decrypted', colour: undefined, faint: false, rates: rates(esp.bytes) });
  }
  if (outside !== undefined) {
    lines.push({
      name: lines.length === 0 ? 'all traffic' : 'other traffic',
      colour: undefined,
      faint: esp !== undefined,
      rates: rates(outside.bytes),
    });
  }
  return lines;
}

/** The highest of some rates; 0 without any. */
export function peakOf(rates: readonly number[]): number {
  return rates.reduce((highest, rate) => Math.max(highest, rate), 0);
}

/** The outline of a line's steps, as the data of a path. */
export function stepOutline(
  rates: readonly number[],
  x: (interval: number) => number,
  y: (rate: number) => number,
): string {
  const points: string[] = [];
  for (const [i, rate] of rates.entries()) {
    if (i > 0 && rates[i - 1] === rate) continue;
    points.push(`${i === 0 ? '' : `H${pixels(x(i))}`}V${pixels(y(rate))}`);
  }
  return `M${pixels(x(0))} ${pixels(y(0))}${points.join('')}H${pixels(x(rates.length))}V${pixels(y(0))}`;
}
