/** Times cells in turn, round by round, so that a slow moment of the machine meets all alike. */
import { Bench } from 'tinybench';
import type { Cell } from './cell.js';
import type { NamedCell } from './cells.js';

/** How long cells are measured. */
export interface Times {
  readonly rounds: number;
  /** Milliseconds of a round of one cell, preparation included, about. */
  readonly round: number;
}

/** Samples that a round has at the least, so that its middle is one. */
const FEWEST = 3;
/** Rounds' time that a cell runs before the first, for the compiler. */
const WARM_UP = 2;

/**
 * Nanoseconds a packet of each cell, a number for each round. Parts by tinybench; whole chains by a loop of their own, in
 * which nothing stands between two batches.
 */
export function measureCells(cells: readonly NamedCell[], { rounds, round }: Times): number[][] {
  const found = cells.map((): number[] => []);
  for (let n = -1; n < rounds; n++) {
    const time = n < 0 ? WARM_UP * round : round;
    cells.forEach(({ cell, chain }, i) => {
      const nanoseconds = chain ? steadyState(cell, time) : byTinybench(cell, time);
      if (n >= 0) found[i].push(nanoseconds / cell.packets);
    });
  }
  return found;
}

/** The middle of the runs' nanoseconds. */
function steadyState(cell: Cell, milliseconds: number): number {
  const samples: number[] = [];
  const stop = performance.now() + milliseconds;
  do {
    cell.prepare();
    const start = performance.now();
    cell.run();
    samples.push(performance.now() - start);
  } while (performance.now() < stop || samples.length < FEWEST);
  samples.sort((a, b) => a - b);
  return samples[samples.length >>> 1] * 1e6;
}

function byTinybench(cell: Cell, milliseconds: number): number {
  // Preparing takes about as long as running, and doesn't count as time for tinybench.
  const bench = new Bench({ time: milliseconds / 2, iterations: FEWEST, warmup: false, throws: true });
  bench.add('cell', () => cell.run(), { async: false, beforeEach: () => cell.prepare() });
  const [task] = bench.runSync();
  if (!('latency' in task.result)) throw new Error('tinybench gave no result');
  return task.result.latency.p50 * 1e6;
}
