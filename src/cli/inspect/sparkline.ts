/** A series of numbers as one line of block characters. */

/** U+2581 to U+2588: an eighth of a line to a whole one. */
const BLOCKS = '▁▂▃▄▅▆▇█';

/**
 * Draws a series, scaled to its maximum. The lowest block is 0; every other value is higher.
 * @param values non-negative
 * @param width maximum number of characters; neighbouring values are added up to fit
 */
export function sparkline(values: readonly number[], width: number): string {
  const each = Math.max(1, Math.ceil(values.length / width));
  const sums: number[] = [];
  for (let i = 0; i < values.length; i += each) {
    sums.push(values.slice(i, i + each).reduce((sum, value) => sum + value, 0));
  }
  const most = Math.max(...sums, 0);
  const steps = BLOCKS.length - 1;
  return sums.map((sum) => BLOCKS[most === 0 ? 0 : Math.ceil((sum / most) * steps)]).join('');
}
