/** Times cells in interleaved rounds, so that a slow phase of the machine affects all alike. */
import { promisify } from 'node:util';
import { Bench } from 'tinybench';
import type { Cell } from './cell.js';
import type { NamedCell } from './cells.js';

/** Duration of the measurement. */
export interface Times {
  readonly rounds: number;
  /** Approximate milliseconds per round of one cell, including preparation. */
  readonly round: number;
}

/** Minimum samples per round, so that there is a median. */
const FEWEST = 3;
/** Warm-up before the first round, in rounds, for the compiler. */
const WARM_UP = 2;

/** Lets signals and other events be handled. */
const turn = promisify(setImmediate);

/**
 * Nanoseconds per packet of each cell, one figure per round. Parts use tinybench; whole chains use a separate loop
 * without anything between two batches.
 */
export async function measureCells(cells: readonly NamedCell[], { rounds, round }: Times): Promise<number[][]> {
  const found = cells.map((): number[] => []);
  for (let n = -1; n < rounds; n++) {
    const time = n < 0 ? WARM_UP * round : round;
    for (const [i, { cell, chain }] of cells.entries()) {
      const nanoseconds = chain ? steadyState(cell, time) : byTinybench(cell, time);
      if (n >= 0) found[i].push(nanoseconds / cell.packets);
      await turn();
    }
  }
  return found;
}

/** The median of the runs' nanoseconds. */
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
  // Preparation takes about as long as running, and doesn't count as time in tinybench.
  const bench = new Bench({ time: milliseconds / 2, iterations: FEWEST, warmup: false, throws: true });
  bench.add('cell', () => cell.run(), { async: false, beforeEach: () => cell.prepare() });
  const [task] = bench.runSync();
  if (!('latency' in task.result)) throw new Error('tinybench gave no result');
  return task.result.latency.p50 * 1e6;
}
