/** Maps figures to positions on an axis, and places its ticks. */

/** Position of a figure, in pixels. */
export type Scale = (value: number) => number;

const STEPS = [1, 2, 5, 10];

/** A linear scale that maps 0 to `from` and `high` to `to`. */
export function linearScale(high: number, from: number, to: number): Scale {
  return (value) => from + (value / high) * (to - from);
}

/** A logarithmic scale; a single figure is centred. */
export function logScale(low: number, high: number, from: number, to: number): Scale {
  const start = Math.log(low);
  const span = Math.log(high) - start;
  return (value) => (span > 0 ? from + ((Math.log(value) - start) / span) * (to - from) : (from + to) / 2);
}

/** About `count` round figures from 0, the last one at most `high`. */
export function linearTicks(high: number, count: number): number[] {
  const rough = high / count;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = decade * (STEPS.find((factor) => decade * factor >= rough) ?? 10);
  return Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** 1, 2 and 5 of each decade from `low` to `high`, only powers of ten if there are many. */
export function logTicks(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const factors = last - first > 4 ? [1] : [1, 2, 5];
  const stride = Math.max(1, Math.ceil((last - first) / 9));
  const all: number[] = [];
  for (let power = first; power <= last; power += stride) {
    // Divide if possible, since 5 * 10 ** -2 isn't 0.05.
    for (const factor of factors) all.push(power < 0 ? factor / 10 ** -power : factor * 10 ** power);
  }
  return all.filter((tick) => tick >= low && tick <= high);
}
