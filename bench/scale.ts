/** From figures to places on an axis, and where its ticks stand. */

/** Where a figure stands, in pixels. */
export type Scale = (value: number) => number;

const STEPS = [1, 2, 5, 10];

/** A straight scale that puts 0 at `from` and `high` at `to`. */
export function linearScale(high: number, from: number, to: number): Scale {
  return (value) => from + (value / high) * (to - from);
}

/** A scale of equal ratios, or all in its middle where there is but one figure. */
export function logScale(low: number, high: number, from: number, to: number): Scale {
  const start = Math.log(low);
  const span = Math.log(high) - start;
  return (value) => (span > 0 ? from + ((Math.log(value) - start) / span) * (to - from) : (from + to) / 2);
}

/** About so many round figures from 0, the last one at `high` or below it. */
export function linearTicks(high: number, count: number): number[] {
  const rough = high / count;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = decade * (STEPS.find((factor) => decade * factor >= rough) ?? 10);
  return Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** 1, 2 and 5 of each decade from `low` to `high`, powers of ten alone if there are many. */
export function logTicks(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const factors = last - first > 4 ? [1] : [1, 2, 5];
  const stride = Math.max(1, Math.ceil((last - first) / 9));
  const all: number[] = [];
  for (let power = first; power <= last; power += stride) {
    // Divided where it can be, since 5 * 10 ** -2 isn't 0.05.
    for (const factor of factors) all.push(power < 0 ? factor / 10 ** -power : factor * 10 ** power);
  }
  return all.filter((tick) => tick >= low && tick <= high);
}
