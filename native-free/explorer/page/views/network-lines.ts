/** The throughput of each network of a selection. */
import type { Selection } from '../../filter/selection.js';
import type { CaptureIndex } from '../../index/capture-index.js';
import type { RateLine } from '../picture/rate-chart.js';

/** A network's traffic over time. */
export interface NetworkLine extends RateLine {
  /** Undefined for traffic outside of networks. */
  readonly vni: number | undefined;
  readonly sum: number;
  /** Bits per second of the busiest interval. */
  readonly peak: number;
}

/** The networks with selected bytes, and last what is outside of networks. */
export function networkLines(
  index: CaptureIndex,
  { series }: Selection,
  colours: ReadonlyMap<number, number>,
): NetworkLine[] {
  const seconds = series.interval / 1e9;
  return series.bytes
    .map((bytes, id): NetworkLine => {
      const isOther = id === series.bytes.length - 1;
      const vni = isOther ? undefined : index.tables.networks[id];
      let sum = 0;
      let most = 0;
      for (const count of bytes) {
        sum += count;
        if (count > most) most = count;
      }
      return {
        vni,
        label: vni === undefined ? 'outside of networks' : `VNI ${vni}`,
        bytes,
        colour: vni === undefined ? undefined : colours.get(vni),
        sum,
        peak: (8 * most) / seconds,
      };
    })
    .filter(({ sum }) => sum > 0);
}
