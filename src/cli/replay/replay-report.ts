/** The report of `replay`: a table with one column per run, or an object for JSON. */
import { type DropCounters, dropReasonText } from '../../dataplane/index.js';
import { DROP_REASONS, dropReasonName } from '../../dataplane/index.js';
import type { Topology } from '../../overlay/index.js';
import type { CaptureKind, ReplayResult } from '../../replay/index.js';
import { type Column, grouped, numbers, table, words } from '../table.js';
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

type Row = [string, ...string[]];
type RowMaker = (name: string, of: (run: ReplayRun) => string | number) => Row;

function rowsOfDrops(runs: readonly ReplayRun[], what: string, of: (result: ReplayResult) => DropCounters): Row[] {
  const rows: Row[] = [];
  for (let reason = 0; reason < DROP_REASONS; reason++) {
    const counts = runs.map(({ result }) => of(result).counts[reason]);
    if (counts.some((count) => count > 0)) rows.push([`  ${what} ${dropReasonName(reason)}`, ...counts.map(grouped)]);
  }
  return rows;
}

/** Rows for key rotation, if there was any. */
function rowsOfRotation(runs: readonly ReplayRun[], row: RowMaker): Row[] {
  if (runs.every(({ result }) => result.rotations === 0)) return [];
  return [
    row('key rotations', ({ result }) => result.rotations),
    row('  node steps between frames', ({ result }) => result.rotationSteps),
  ];
}

/** Rows for worker threads, if there were any. */
function rowsOfWorkers(runs: readonly ReplayRun[], row: RowMaker): Row[] {
  if (runs.every(({ workers }) => workers === 1)) return [];
  return [row('workers', ({ workers }) => workers), row('  lost in failed workers', (run) => run.lostToWorkers)];
}

/** The row for truncated packets, if there were any. */
function rowsOfCut(runs: readonly ReplayRun[], row: RowMaker): Row[] {
  if (runs.every(({ cut }) => cut === 0)) return [];
  return [row('  truncated by the capture', ({ cut }) => cut)];
}

/** The row for frames that are too long, if there were any. */
function rowsOfTooLong(runs: readonly ReplayRun[], row: RowMaker): Row[] {
  if (runs.every(({ tooLong }) => tooLong === 0)) return [];
  return [row('frames too long', ({ tooLong }) => tooLong)];
}

/** Prints the table, one column per run. */
export function printReplay(output: TextOutput, { file, kind, topology }: Replayed, runs: readonly ReplayRun[]): void {
  const { nodes, networks, endpoints } = topology;
  output.line(
    `${file}: ${KINDS[kind]}; ${grouped(nodes.length)} nodes, ${grouped(endpoints.length)} endpoints, VNI ` +
      `${networks
        .slice(0, SHOWN_VNIS)
        .map(({ vni }) => vni)
        .join(' ')}${networks.length > SHOWN_VNIS ? ` and ${grouped(networks.length - SHOWN_VNIS)} more` : ''}`,
  );
  output.line('');
  const columns: Column[] = [
    words(''),
    ...runs.map(({ encrypted, profile }) => numbers(encrypted ? `encrypted (${profile})` : 'clear')),
  ];
  const row: RowMaker = (name, of) => [
    name,
    ...runs.map((run) => {
      const cell = of(run);
      return typeof cell === 'number' ? grouped(cell) : cell;
    }),
  ];
  const rows: Row[] = [
    row('packets without a complete frame', ({ withoutFrame }) => withoutFrame),
    ...rowsOfCut(runs, row),
    ...rowsOfTooLong(runs, row),
    row('frames in', ({ result }) => result.frames),
    row('delivered intact', ({ result }) => result.exact),
    row('delivered again', ({ result }) => result.again),
    row('delivered changed', ({ result }) => result.changed),
    row('local', ({ result }) => result.local),
    row('from unknown endpoints', ({ result }) => result.unknownSource),
    row('dropped on egress', ({ result }) => result.dropped.egress.total),
    ...rowsOfDrops(runs, 'egress', ({ dropped }) => dropped.egress),
    row('sent, not delivered', ({ result }) => result.missing),
    row('packets dropped on ingress', ({ result }) => result.dropped.ingress.total),
    ...rowsOfDrops(runs, 'ingress', ({ dropped }) => dropped.ingress),
    row('packets lost in the underlay', ({ result }) => result.underlay.lost + result.underlay.noMemory),
    row('fragments held', ({ result }) => result.held),
    ...rowsOfRotation(runs, row),
    ...rowsOfWorkers(runs, row),
    row('balanced', ({ result }) => (result.balanced ? 'yes' : 'NO')),
    row('', () => ''),
    row('packets on the wire', ({ result }) => result.wire.packets),
    row('fragmented', ({ result }) => result.wire.cut),
    row('frame bytes', ({ result }) => result.wire.frameBytes),
    row('bytes on the wire', ({ result }) => result.wire.bytes),
    row('overhead', ({ result: { wire } }) => overhead(wire.frameBytes, wire.bytes)),
    row('underlay MTU', ({ mtu }) => mtu),
    row('cipher', ({ cipher }) => cipher ?? '-'),
    row('frames/s', ({ result, milliseconds }) => rate(result.frames, milliseconds)),
    row('Gbit/s of frames', ({ result, milliseconds }) =>
      ((result.wire.frameBytes * 8) / milliseconds / 1e6).toFixed(2),
    ),
  ];
  for (const line of table(columns, rows)) output.line(line.trimEnd());
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
