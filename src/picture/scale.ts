/** Axes: round ends, round ticks. */

/** Ends of the axis of rates, and distances between times: each has a round half. */
const STEPS = [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10];
const TIME_STEPS = [1, 2, 5, 10];
const DAY = 86_400;
const MINUTES = [1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1440];

/** The smallest round number that is at least a number. */
function roundUp(value: number, steps: readonly number[]): number {
  const decade = 10 ** Math.floor(Math.log10(value));
  return decade * (steps.find((step) => decade * step >= value * (1 - 1e-9)) ?? 10);
}

/** Round distance of about six ticks, in seconds. */
function timeStep(seconds: number): number {
  const rough = seconds / 7;
  if (rough < 30) return roundUp(rough, TIME_STEPS);
  const minutes = MINUTES.find((count) => 60 * count >= rough);
  return minutes === undefined ? DAY * roundUp(rough / DAY, TIME_STEPS) : 60 * minutes;
}

/** A round end of an axis of rates, with a round half. */
export function rateScale(peak: number): number {
  // The half of the lowest end is 1 bit/s: there are no parts of bits.
  return roundUp(Math.max(2, peak), STEPS);
}

/** About six round times from 0 to a duration, in seconds. */
export function timeTicks(seconds: number): number[] {
  const step = timeStep(seconds);
  return Array.from({ length: Math.floor(seconds / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** `20 s` rather than `20.0 s`, `10 min` rather than `10 min 0 s`. */
export function withoutZeros(quantity: string): string {
  return quantity
    .replace(/\.0+ /, ' ')
    .replace(/(\.\d*?)0+ /, '$1 ')
    .replace(/( (?:d|h|min)) 0 (?:h|min|s)$/, '$1');
}
