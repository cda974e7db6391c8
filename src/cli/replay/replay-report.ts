/** The report of `replay`: a table with one column per run, or an object for JSON. */
import { type DropCounters, dropReasonText } from '../../dataplane/index.js';
import { DROP_REASONS, dropReasonName } from '../../dataplane/index.js';
import type { Topology } from '../../overlay/index.js';
import type { CaptureKind, ReplayResult, ServiceReplay } from '../../replay/index.js';
import { loadLines } from './load-table.js';
import { type Style, styled } from '../style.js';
import { type Cell, type Column, grouped, numbers, table, words } from '../table.js';
import type { TextOutput } from '../text-output.js';

/** One replay. */
export interface ReplayRun {
  readonly encrypted: boolean;
  readonly profile: string;
  /** The cipher, or null if clear. */
  readonly cipher: string | null;
  /** MTU of the first node. */
  readonly mtu: number;
  /** Threads; 1 means the main thread alone. */
  readonly workers: number;
  /** Frames lost in workers that failed. */
  readonly lostToWorkers: number;
  /** Time in the data plane. With one thread, reading is excluded; with workers, reading runs in parallel. */
  readonly milliseconds: number;
  /** Packets of the capture without a complete frame. */
  readonly withoutFrame: number;
  /** Of these, the packets that the capture truncated. */
  readonly cut: number;
  /** Frames of a stream that exceed the maximum length, and were refused. */
  readonly tooLong: number;
  readonly result: ReplayResult;
}

/** What was replayed. */
export interface Replayed {
  readonly file: string;
  readonly kind: CaptureKind;
  /** VTEPs seen in the capture; the topology has fewer nodes if there are very many. */
  readonly vteps: number;
  readonly topology: Topology;
}

const KINDS: Readonly<Record<CaptureKind, string>> = {
  wire: 'underlay packets',
  frames: 'container frames',
};

/** Maximum number of VNIs in the heading. */
const SHOWN_VNIS = 10;

/** A row of the table: its name, and a cell per run. */
interface Row {
  readonly name: string;
  readonly cells: readonly (string | number)[];
  /** Style of the cells that aren't zero. */
  readonly style: Style | undefined;
  /** Whether it is printed even if all of its cells are zero. */
  readonly always: boolean;
}

type CellOf = (run: ReplayRun) => string | number;

/** Makes the rows of a table. */
class Rows {
  readonly made: Row[] = [];
  readonly #runs: readonly ReplayRun[];

  constructor(runs: readonly ReplayRun[]) {
    this.#runs = runs;
  }

  /** A row that is left out if nothing happened. */
  count(name: string, of: CellOf, style?: Style): void {
    this.made.push({ name, cells: this.#runs.map(of), style, always: false });
  }

  /** A row that is printed in any case. */
  fact(name: string, of: CellOf, style?: Style): void {
    this.made.push({ name, cells: this.#runs.map(of), style, always: true });
  }

  /** A row for each drop reason that occurred. */
  drops(what: string, of: (result: ReplayResult) => DropCounters): void {
    for (let reason = 0; reason < DROP_REASONS; reason++) {
      const row = `  ${what} ${dropReasonName(reason)}`;
      if (this.#runs.some(({ result }) => of(result).counts[reason] > 0)) {
        this.count(row, ({ result }) => of(result).counts[reason], 'red');
      }
    }
  }
}

/** What became of the frames. */
function outcomeRows(runs: readonly ReplayRun[]): Row[] {
  const rows = new Rows(runs);
  rows.count('packets without a complete frame', ({ withoutFrame }) => withoutFrame);
  if (runs.some(({ cut }) => cut > 0)) rows.count('  truncated by the capture', ({ cut }) => cut, 'yellow');
  if (runs.some(({ tooLong }) => tooLong > 0)) rows.count('frames too long', ({ tooLong }) => tooLong, 'yellow');
  rows.fact('frames in', ({ result }) => result.frames);
  rows.fact('delivered intact', ({ result }) => result.exact, 'green');
  rows.count('delivered again', ({ result }) => result.again);
  rows.count('delivered changed', ({ result }) => result.changed, 'red');
  rows.count('local', ({ result }) => result.local);
  rows.count('from unknown endpoints', ({ result }) => result.unknownSource, 'yellow');
  rows.count('dropped on egress', ({ result }) => result.dropped.egress.total, 'red');
  rows.drops('egress', ({ dropped }) => dropped.egress);
  rows.count('sent, not delivered', ({ result }) => result.missing, 'red');
  rows.count('packets dropped on ingress', ({ result }) => result.dropped.ingress.total, 'red');
  rows.drops('ingress', ({ dropped }) => dropped.ingress);
  rows.count('packets lost in the underlay', ({ result }) => result.underlay.lost + result.underlay.noMemory, 'red');
  rows.count('fragments held', ({ result }) => result.held, 'yellow');
  if (runs.some(({ result }) => result.rotations > 0)) {
    rows.count('key rotations', ({ result }) => result.rotations);
    rows.count('  node steps between frames', ({ result }) => result.rotationSteps);
  }
  if (runs.some(({ workers }) => workers > 1)) {
    rows.fact('workers', ({ workers }) => workers);
    rows.count('  lost in failed workers', ({ lostToWorkers }) => lostToWorkers, 'red');
  }
  rows.fact('balanced', ({ result }) => (result.balanced ? 'yes' : 'NO'));
  return rows.made;
}

/** What load balancers did. */
function serviceRows(runs: readonly ReplayRun[]): Row[] {
  if (runs.every(({ result }) => result.services === undefined)) return [];
  const rows = new Rows(runs);
  const count = (name: string, of: (services: ServiceReplay) => number, style?: Style): void => {
    rows.count(name, ({ result }) => (result.services === undefined ? 0 : of(result.services)), style);
  };
  count('requests to services', ({ requests }) => requests);
  count('  sent to a task', ({ balanced }) => balanced);
  count('  answered by the load balancer', ({ answered }) => answered);
  const reasons = new Set(runs.flatMap(({ result }) => Object.keys(result.services?.dropped ?? {})));
  for (const reason of reasons) count(`  dropped ${reason}`, ({ dropped }) => dropped[reason] ?? 0, 'red');
  count('recorded answers, sent again', ({ answers }) => answers);
  count('  delivered as recorded', ({ exactAnswers }) => exactAnswers, 'green');
  count('  delivered changed', ({ changedAnswers }) => changedAnswers, 'red');
  count('other frames of load balancers, not sent', ({ ownAnswers }) => ownAnswers);
  return rows.made;
}

/** What was on the wire, and how fast it went. */
function wireRows(runs: readonly ReplayRun[]): Row[] {
  const rows = new Rows(runs);
  rows.fact('packets on the wire', ({ result }) => result.wire.packets);
  rows.count('fragmented', ({ result }) => result.wire.cut);
  rows.fact('frame bytes', ({ result }) => result.wire.frameBytes);
  rows.fact('bytes on the wire', ({ result }) => result.wire.bytes);
  rows.fact('overhead', ({ result: { wire } }) => overhead(wire.frameBytes, wire.bytes));
  rows.fact('underlay MTU', ({ mtu }) => mtu);
  rows.fact('cipher', ({ cipher }) => cipher ?? '-');
  rows.fact('frames/s', ({ result, milliseconds }) => rate(result.frames, milliseconds));
  rows.fact('Gbit/s of frames', ({ result, milliseconds }) =>
    ((result.wire.frameBytes * 8) / milliseconds / 1e6).toFixed(2),
  );
  return rows.made;
}

function cellsOf({ name, cells, style }: Row): Cell[] {
  const shown = cells.map((cell): Cell => {
    if (cell === 'NO') return styled(cell, 'red');
    if (cell === 0 || style === undefined) return cell;
    return styled(typeof cell === 'number' ? grouped(cell) : cell, style);
  });
  return [name, ...shown];
}

/** A line about what was replayed. */
export function replayedLine({ file, kind, topology }: Replayed): string {
  const { nodes, networks, endpoints } = topology;
  return (
    `${file}: ${KINDS[kind]}; ${grouped(nodes.length)} nodes, ${grouped(endpoints.length)} endpoints, VNI ` +
    `${networks
      .slice(0, SHOWN_VNIS)
      .map(({ vni }) => vni)
      .join(' ')}${networks.length > SHOWN_VNIS ? ` and ${grouped(networks.length - SHOWN_VNIS)} more` : ''}`
  );
}

/**
 * Prints the table, one column per run.
 * @param verbose whether to print rows of zeros too
 */
export function printReplay(output: TextOutput, replayed: Replayed, runs: readonly ReplayRun[], verbose = false): void {
  output.line(replayedLine(replayed));
  output.line('');
  const columns: Column[] = [
    words('', { shorten: 'end', least: 24 }),
    ...runs.map(({ encrypted, profile }) => numbers(encrypted ? `encrypted (${profile})` : 'clear')),
  ];
  const happened = (row: Row): boolean => verbose || row.always || row.cells.some((cell) => cell !== 0);
  const groups = [outcomeRows(runs), serviceRows(runs), wireRows(runs)].map((group) => group.filter(happened));
  const gap: Cell[] = columns.map(() => '');
  const shown = groups.filter(({ length }) => length > 0).map((group) => group.map(cellsOf));
  const cells = shown.flatMap((group, i) => (i === 0 ? group : [gap, ...group]));
  for (const line of table(columns, cells)) output.line(line);
  const load = runs.at(-1)?.result.services;
  const lines = load === undefined ? [] : loadLines(load);
  if (lines.length > 0) output.line('');
  for (const line of lines) output.line(line);
  const reasons = new Set<number>();
  for (const { result } of runs) {
    for (const { counts } of [result.dropped.egress, result.dropped.ingress]) {
      counts.forEach((count, reason) => {
        if (count > 0) reasons.add(reason);
      });
    }
  }
  if (reasons.size > 0) output.line('');
  for (const reason of [...reasons].sort((a, b) => a - b)) {
    output.line(`  ${dropReasonName(reason)}: ${dropReasonText(reason)}`);
  }
}

function overhead(frames: number, wire: number): string {
  return frames === 0 ? '-' : `${((100 * (wire - frames)) / frames).toFixed(1)} %`;
}

function rate(frames: number, milliseconds: number): string {
  return milliseconds === 0 ? '-' : grouped(Math.round((frames / milliseconds) * 1000));
}

/** The object of `--json`. */
export function replayReport({ file, kind, vteps, topology }: Replayed, runs: readonly ReplayRun[]): object {
  return {
    file,
    kind,
    vteps,
    nodes: topology.nodes.length,
    endpoints: topology.endpoints.length,
    vnis: topology.networks.map(({ vni }) => vni),
    runs: runs.map(({ result, ...run }) => ({
      ...run,
      ...result,
      dropped: { egress: result.dropped.egress.byName(), ingress: result.dropped.ingress.byName() },
      framesPerSecond: run.milliseconds === 0 ? 0 : (result.frames / run.milliseconds) * 1000,
    })),
  };
}
