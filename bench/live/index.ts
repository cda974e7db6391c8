/** The benchmark that `vtep bench --live` runs: the live path in network namespaces, beside the kernel and other programs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { NamespaceBench } from '../../test/live/namespaces/namespace-bench.js';
import { underlay } from '../../test/live/namespaces/underlay.js';
import { machineFacts } from '../machine.js';
import type { MissingPeer } from '../result.js';
import { allLines, type Line, REFERENCE } from './lines.js';
import { ping } from './ping.js';
import { checkRequirements, missingProgram } from './requirements.js';
import { type CallCount, type LineCounts, type LineResult, type LiveReport, type Sample, Traffic } from './result.js';
import { type Rounds, summary } from './samples.js';
import { selectionOf } from './selection.js';
import type { Overlay, Setup } from './setup.js';
import { CallCounter } from './strace.js';
import { flood, measure, TRAFFIC } from './traffic.js';

export { LiveBenchError } from './requirements.js';
export type { LiveReport } from './result.js';
export { liveTables, printLiveReport } from './table.js';

/** Options of a run. */
export interface LiveOptions {
  /** Seconds of each measurement: whole ones. */
  readonly seconds: number;
  /** How often each is measured. */
  readonly rounds: number;
  /** Names of lines, traffic and wires; empty for all. */
  readonly only: readonly string[];
  /** Another build to measure beside this one. */
  readonly against?: string;
  /** Called with what is measured next. */
  readonly onProgress?: (what: string) => void;
}

/** Pings that a new overlay answers before it is measured, and the seconds between them. */
const FIRST_PINGS = 5;
const FIRST_INTERVAL = 0.05;
const FIRST_TRIES = 15;
const CALL_COUNT_SECONDS = 1;

/** A line whose overlay runs. */
interface OpenLine extends Line {
  readonly setup: Setup;
}

/** One wire's results. */
interface WireRun {
  readonly results: LineResult[];
  readonly calls: CallCount[];
  readonly counts: LineCounts[];
  readonly notMeasured: MissingPeer[];
}

/** The first line of what went wrong, without the output of a program. */
function reasonOf(error: unknown): string {
  const lines = String(error instanceof Error ? error.message : error).split('\n');
  const said = lines.slice(1).join(' ').trim();
  return said === '' ? lines[0] : `${lines[0]}: ${said.slice(-300)}`;
}

function wireName(offloads: boolean): string {
  return `offloads ${offloads ? 'on' : 'off'}`;
}

/**
 * Runs the benchmark. Whatever ends the process ends the programs and removes the namespaces.
 * @throws LiveBenchError if the machine lacks what every line needs
 * @throws UsageError for an unknown name in `only`
 */
export async function runLiveBench(options: LiveOptions): Promise<LiveReport> {
  const all = allLines(options.against);
  const { lines, traffic, wires } = selectionOf(all, options.only);
  checkRequirements();
  const before = loadavg()[0];
  const date = new Date().toISOString().slice(0, 10);
  const runs: WireRun[] = [];
  for (const offloads of wires) runs.push(await measureWire(lines, traffic, offloads, options));
  return {
    machine: machineFacts(),
    node: process.version,
    date,
    seconds: options.seconds,
    rounds: options.rounds,
    load: [before, loadavg()[0]],
    ...(options.against === undefined ? {} : { against: options.against }),
    lines: lines.map(({ name, what }) => ({ line: name, what })),
    results: runs.flatMap(({ results }) => results),
    calls: runs.flatMap(({ calls }) => calls),
    counts: runs.flatMap(({ counts }) => counts),
    notMeasured: distinct(runs.flatMap(({ notMeasured }) => notMeasured)),
  };
}

function distinct(missing: readonly MissingPeer[]): MissingPeer[] {
  return [...new Map(missing.map((one) => [JSON.stringify(one), one])).values()];
}

/** Builds every overlay over wires of one kind, measures the lines in turn, and removes everything. */
async function measureWire(
  lines: readonly Line[],
  traffic: readonly Traffic[],
  offloads: boolean,
  options: LiveOptions,
): Promise<WireRun> {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-bench-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const benches: NamespaceBench[] = [];
  const run: WireRun = { results: [], calls: [], counts: [], notMeasured: [] };
  const say = (what: string): void => options.onProgress?.(`${wireName(offloads)}: ${what}`);
  try {
    const open = await openLines(lines, offloads, folder, benches, run.notMeasured, say);
    run.results.push(...(await measureLines(open, traffic, offloads, options, run.notMeasured, say)));
    if (traffic.includes(Traffic.Tcp1)) run.calls.push(...(await countCalls(open, offloads, run.notMeasured, say)));
    run.counts.push(...(await finish(open, offloads, run.notMeasured)));
  } finally {
    for (const bench of benches) bench.close();
    remove();
    process.off('exit', remove);
  }
  return run;
}

/** Builds the overlays, each once, and leaves out those that don't work. */
async function openLines(
  lines: readonly Line[],
  offloads: boolean,
  folder: string,
  benches: NamespaceBench[],
  notMeasured: MissingPeer[],
  say: (what: string) => void,
): Promise<OpenLine[]> {
  const setups = new Map<Overlay, Setup>();
  const open: OpenLine[] = [];
  for (const line of lines) {
    const { name, overlay } = line;
    const reused = setups.get(overlay);
    const missing = overlay.missing();
    if (missing !== undefined) {
      notMeasured.push({ peer: name, what: line.what, missing });
      continue;
    }
    say(`building ${name}`);
    try {
      const setup = reused ?? (await openOverlay(overlay, offloads, folder, benches));
      setups.set(overlay, setup);
      open.push({ ...line, setup });
    } catch (error) {
      notMeasured.push({ peer: name, what: wireName(offloads), missing: reasonOf(error) });
    }
  }
  return open;
}

async function openOverlay(
  overlay: Overlay,
  offloads: boolean,
  folder: string,
  benches: NamespaceBench[],
): Promise<Setup> {
  const bench = new NamespaceBench();
  benches.push(bench);
  const own = mkdtempSync(join(folder, 'line-'));
  const setup = await overlay.open({ bench, nodes: underlay(bench, { offloads }), folder: own });
  await untilAnswered(setup);
  return setup;
}

/**
 * Pings until there are answers: some programs agree on keys first.
 * @throws PingError if there are none for long
 */
async function untilAnswered({ client, serverAddress }: Setup): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await ping(client, serverAddress, FIRST_PINGS, FIRST_INTERVAL);
      return;
    } catch (error) {
      if (tries === FIRST_TRIES) throw error;
    }
  }
}

/** Measures every kind of traffic in every round, on one line after the other. */
async function measureLines(
  lines: readonly OpenLine[],
  traffic: readonly Traffic[],
  offloads: boolean,
  { seconds, rounds }: LiveOptions,
  notMeasured: MissingPeer[],
  say: (what: string) => void,
): Promise<LineResult[]> {
  const samples = new Map<string, (Sample | undefined)[]>();
  const keyOf = (line: Line, kind: Traffic): string => `${kind} ${line.name}`;
  for (let round = 1; round <= rounds; round++) {
    for (const kind of traffic) {
      for (const line of lines) {
        // A round trip is the same from either end.
        if (line.reverse && TRAFFIC[kind].flood === undefined) continue;
        say(`round ${round} of ${rounds}, ${TRAFFIC[kind].title}, ${line.name}`);
        const before = samples.get(keyOf(line, kind)) ?? [];
        let sample: Sample | undefined;
        try {
          sample = await measure(line.setup, kind, seconds, line.reverse);
        } catch (error) {
          const what = `${wireName(offloads)}, ${TRAFFIC[kind].title}, round ${round}`;
          notMeasured.push({ peer: line.name, what, missing: reasonOf(error) });
        }
        samples.set(keyOf(line, kind), [...before, sample]);
      }
    }
  }
  const reference = lines.find(({ name }) => name === REFERENCE);
  const roundsOf = (line: Line, kind: Traffic): Rounds => samples.get(keyOf(line, kind)) ?? [];
  return traffic.flatMap((kind) =>
    lines.flatMap((line): LineResult[] => {
      const found = summary(roundsOf(line, kind), reference && roundsOf(reference, kind));
      if (found === undefined) return [];
      return [{ line: line.name, traffic: kind, offloads, unit: TRAFFIC[kind].unit, ...found }];
    }),
  );
}

/** Counts system calls during a stream of TCP; strace slows processes down, so it has a run of its own. */
async function countCalls(
  lines: readonly OpenLine[],
  offloads: boolean,
  notMeasured: MissingPeer[],
  say: (what: string) => void,
): Promise<CallCount[]> {
  const measured = lines.filter(({ setup }) => setup.processes.length > 0);
  const missing = measured.length === 0 ? undefined : missingProgram('strace', 'strace');
  if (missing !== undefined) {
    notMeasured.push({ peer: 'system calls', what: 'per megabyte', missing });
    return [];
  }
  const counts: CallCount[] = [];
  for (const { name, setup, reverse } of measured) {
    say(`system calls, ${name}`);
    try {
      const pids = setup.processes.flatMap(({ pid }) => pid ?? []);
      const counters = await Promise.all(pids.map(async (pid) => CallCounter.attach(setup.client, pid)));
      const sent = await flood(setup, { streams: 1 }, CALL_COUNT_SECONDS, reverse).finally(async () =>
        Promise.allSettled(counters.map(async (counter) => counter.detach())),
      );
      const megabytes = sent.bytes / 1e6;
      const calls = await Promise.all(counters.map(async (counter) => counter.detach()));
      if (megabytes > 0) {
        counts.push({ line: name, offloads, perMegabyte: calls.map((each) => each / megabytes), megabytes });
      }
    } catch (error) {
      notMeasured.push({ peer: name, what: `${wireName(offloads)}, system calls`, missing: reasonOf(error) });
    }
  }
  return counts;
}

/** Ends the vtep processes, and returns what they counted. Lines of one overlay have it in common. */
async function finish(
  lines: readonly OpenLine[],
  offloads: boolean,
  notMeasured: MissingPeer[],
): Promise<LineCounts[]> {
  const counts: LineCounts[] = [];
  for (const setup of new Set(lines.map((line) => line.setup))) {
    const [first, ...others] = lines.filter((each) => each.setup === setup);
    const line = others.length === 0 ? first.name : `${first.name} and back`;
    try {
      const nodes = (await setup.finish?.()) ?? [];
      if (nodes.length > 0) counts.push({ line, offloads, nodes });
    } catch (error) {
      notMeasured.push({ peer: line, what: `${wireName(offloads)}, counts`, missing: reasonOf(error) });
    }
  }
  return counts;
}
