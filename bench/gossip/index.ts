/**
 * Measures clusters of gossip members on a fake clock: `npm run bench:gossip [-- PART...]`. All figures but the CPU
 * time are the same on any machine.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { runChaos } from './chaos.js';
import { PERTURBATIONS, measurePerturbation } from './perturbations.js';
import { Simulation, TABLE } from './simulation.js';
import { stallNodes } from './stalls.js';

const ROUND = 200;
const NETWORK = 'network';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '1' }, runs: { type: 'string', default: '10000' } },
});
const seed = Number(values.seed);
const runs = Number(values.runs);
const PARTS = { cpu, spread, stalls, perturbations, chaos };

for (const [name, part] of Object.entries(PARTS)) {
  if (positionals.length === 0 || positionals.includes(name)) part();
}

/** CPU time of 1,000 nodes for 60 seconds, idle and with a change of an entry per second. */
function cpu(): void {
  print(`# 1,000 nodes, one entry each, 60 s in one thread (seed ${seed})`);
  for (const [name, isBusy] of [
    ['idle', false],
    ['one entry created per second', true],
  ] as const) {
    const simulation = new Simulation({ seed, nodes: 1000, parameters: { networkDb: { joinSyncs: 1 } } });
    simulation.startFormed(NETWORK, 1);
    simulation.run(15_000);
    const before = process.cpuUsage();
    const { packets } = simulation;
    for (let second = 0; second < 60; second += 1) {
      if (isBusy) {
        simulation.call(simulation.node(second), ({ networkDb }, now) => {
          networkDb.createEntry(NETWORK, TABLE, `new/${second}`, new Uint8Array(46), now);
        });
      }
      simulation.run(simulation.now + 1000);
    }
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1e6;
    const perNode = (seconds * 1e6) / 60_000;
    print(
      `${name}: ${seconds.toFixed(2)} s CPU, ${perNode.toFixed(0)} us per node-second, ${simulation.packets - packets} packets`,
    );
  }
}

/** Rounds until a new entry is known on all nodes. */
function spread(): void {
  print(`\n# Rounds of gossip (200 ms) until a new entry is known on all of 1,000 nodes, p50 / p99 (seed ${seed})`);
  print('aim: 12 rounds, also with loss');
  for (const loss of [0, 0.1]) {
    const times = measurePerturbation({ seed, nodes: 1000, loss, kind: 'entry created', repetitions: 20 });
    print(`loss ${loss * 100} %: ${quantiles(times)} of 20 entries`);
  }
}

/** False positives of stalled nodes, with and without Lifeguard. */
function stalls(): void {
  print(`\n# 10 of 1,000 nodes cut off for 20 s, connected for 10 s, over 60 s (seed ${seed})`);
  const [plain, lifeguard] = [false, true].map((isLifeguard) => {
    const result = stallNodes({
      seed,
      nodes: 1000,
      stalled: 10,
      stallTime: 20_000,
      runTime: 10_000,
      duration: 60_000,
      lifeguard: isLifeguard,
      kind: 'held',
    });
    print(`${isLifeguard ? 'Lifeguard' : 'plain SWIM'}: ${JSON.stringify(result)}`);
    return result.falseAtHealthy;
  });
  const ratio = Math.round(plain / Math.max(1, lifeguard));
  print(`false positives at healthy nodes: ${ratio} times fewer; aim: 50`);
  print(
    "Lifeguard's paper (arXiv 1707.00788, version 1, abstract): over 50 times fewer, with delayed message processing",
  );
}

/** Times until all nodes know of a change. */
function perturbations(): void {
  print(`\n# Rounds until all nodes know, p50 / p99 (seed ${seed})`);
  for (const kind of PERTURBATIONS) {
    const cells = [25, 100, 1000].map((nodes) => {
      const repetitions = nodes === 1000 ? (kind === 'node dies' ? 3 : 6) : 40;
      return `${nodes}: ${quantiles(measurePerturbation({ seed, nodes, loss: 0, kind, repetitions }))}`;
    });
    print(`${kind.padEnd(32)} ${cells.join('   ')}`);
  }
  print(
    'SWIM (DSN 2002): a failed node is first probed after 1.58 protocol periods (e / (e - 1)) on average, at any size',
  );
}

/** Random trouble, after which all nodes have to agree. */
function chaos(): void {
  const settled: number[] = [];
  const failed: string[] = [];
  for (let run = 0; run < runs; run += 1) {
    const result = runChaos({ seed: seed + run });
    if (result.settled === undefined) failed.push(`seed ${seed + run}: ${result.difference}`);
    else settled.push(result.settled);
  }
  settled.sort((one, other) => one - other);
  print(`\n# ${runs} runs of random trouble on 3 to 10 nodes (seeds from ${seed})`);
  print(
    `permanent divergence: ${failed.length}; seconds to agree: p50 ${at(settled, 0.5) / 1000}, p99 ${at(settled, 0.99) / 1000}, max ${at(settled, 1) / 1000}`,
  );
  for (const line of failed) print(line);
  if (failed.length > 0) process.exitCode = 1;
}

function quantiles(times: readonly number[]): string {
  return `${(at(times, 0.5) / ROUND).toFixed(1)} / ${(at(times, 0.99) / ROUND).toFixed(1)}`;
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
