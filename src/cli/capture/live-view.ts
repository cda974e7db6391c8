/** What `capture` shows on a terminal: rates by network, VTEP pair and endpoint, and problems first. */
import type { Problem } from '../../inspect/index.js';
import { type Line, styled } from '../style.js';
import { addresses, type Cell, compact, grouped, numbers, table, words } from '../table.js';
import { windowLines, type WindowSection, type WindowSize } from '../window-sections.js';
import type { EndpointRate, Flow, LiveRates, NetworkRate, PairRate } from './live-rates.js';

/** Orders of the rows, by the key that selects them. */
export const SORT_KEYS = { p: 'packets/s', b: 'bit/s', t: 'total', n: 'name' } as const;

/** An order of the rows. */
export type SortKey = keyof typeof SORT_KEYS;

/** Whether a pressed key selects an order. */
export function isSortKey(key: string): key is SortKey {
  return Object.hasOwn(SORT_KEYS, key);
}

/** What is shown. */
export interface LiveState {
  /** The device. */
  readonly name: string;
  readonly seconds: number;
  /** Undefined if unknown. */
  readonly kernelDrops: number | undefined;
  readonly rates: LiveRates;
  readonly problems: readonly Problem[];
  readonly sort: SortKey;
  /** Whether keys are read. */
  readonly keys: boolean;
}

const NATURAL = new Intl.Collator('en', { numeric: true });

const COMPARE: Readonly<Record<SortKey, (a: Named, b: Named) => number>> = {
  p: (a, b) => b.packetsPerSecond - a.packetsPerSecond || b.packets - a.packets,
  b: (a, b) => b.bitsPerSecond - a.bitsPerSecond || b.bytes - a.bytes,
  t: (a, b) => b.bytes - a.bytes,
  n: (a, b) => NATURAL.compare(a.name, b.name),
};

type Named = Flow & { readonly name: string };

const RATES = [numbers('packets/s'), numbers('bit/s')];
const TOTALS = [numbers('packets', { keep: 2 }), numbers('bytes', { keep: 1 })];

/** Share of the window that problems may take. */
const PROBLEM_SHARE = 1 / 3;

/** The lines for a window: the last one names the keys. */
export function liveLines(state: LiveState, { rows, columns }: WindowSize): Line[] {
  const head = [
    headLine(state),
    ...problemLines(state.problems, Math.max(1, Math.floor(rows * PROBLEM_SHARE)), columns),
  ];
  return windowLines(head, [networks(state), pairs(state), endpoints(state)], keyLine(state), { rows, columns });
}

function rate(value: number): string {
  return value > 0 && value < 9.95 ? value.toFixed(1) : compact(Math.round(value));
}

function headLine({ name, seconds, kernelDrops, rates: { total } }: LiveState): Line {
  const drops =
    kernelDrops === undefined
      ? 'kernel drops unknown'
      : kernelDrops === 0
        ? '0 dropped by the kernel'
        : styled(`${grouped(kernelDrops)} dropped by the kernel`, 'red');
  return [
    styled(name, 'bold'),
    `: ${rate(total.packetsPerSecond)} packets/s, ${rate(total.bitsPerSecond)} bit/s; `,
    drops,
    `; ${compact(total.packets)} packets, ${compact(total.bytes)} bytes in ${seconds.toFixed(0)} s`,
  ];
}

function problemLines(problems: readonly Problem[], most: number, width: number): Line[] {
  if (problems.length === 0) return [[styled('Problems: none', 'green')]];
  const sorted = [...problems].sort((a, b) => severity(a) - severity(b));
  const columns = [
    words(''),
    numbers('', { shorten: 'compact' }),
    words('', { shorten: 'end', least: 14 }),
    words('', { shorten: 'end', least: 20, keep: 1 }),
  ];
  const rows = sorted
    .slice(0, most)
    .map((row): Cell[] => [
      row.severity === 'warning' ? styled(row.severity, 'yellow') : row.severity,
      row.count,
      row.code,
      row.message,
    ]);
  const lines = table(columns, rows, width).slice(1, 1 + rows.length);
  const more = problems.length - rows.length;
  return more > 0 ? [...lines.slice(0, -1), `  ... and ${grouped(more + 1)} more problems`] : lines;
}

function severity({ severity: named }: Problem): number {
  return named === 'warning' ? 0 : 1;
}

function flowCells({ packetsPerSecond, bitsPerSecond, packets, bytes }: Flow): Cell[] {
  const cells = [rate(packetsPerSecond), rate(bitsPerSecond), compact(packets), compact(bytes)];
  return cells.map((text) => (text === '0' ? styled(text, 'dim') : text));
}

function sorted<T extends Named>(rows: readonly T[], sort: SortKey): T[] {
  return [...rows].sort((a, b) => COMPARE[sort](a, b) || COMPARE.n(a, b));
}

function networks({ rates, sort }: LiveState): WindowSection {
  return {
    title: 'Networks',
    columns: [numbers('VNI'), ...RATES, ...TOTALS, numbers('endpoints', { keep: 1 })],
    rows: sorted<NetworkRate>(rates.networks, sort).map((row) => [row.name, ...flowCells(row), row.endpoints]),
  };
}

function pairs({ rates, sort }: LiveState): WindowSection {
  return {
    title: 'VTEPs',
    columns: [addresses('from'), addresses('to'), ...RATES, ...TOTALS],
    rows: sorted<PairRate>(rates.pairs, sort).map((row) => [row.source, row.destination, ...flowCells(row)]),
  };
}

function endpoints({ rates, sort }: LiveState): WindowSection {
  return {
    title: 'Endpoints, by what they send',
    columns: [numbers('VNI'), addresses('endpoint'), addresses('on node', { keep: 3 }), ...RATES, ...TOTALS],
    rows: sorted<EndpointRate>(rates.endpoints, sort).map((row) => [
      String(row.vni),
      row.name,
      row.vtep,
      ...flowCells(row),
    ]),
  };
}

function keyLine({ sort, keys }: LiveState): Line {
  if (!keys) return [styled(`sorted by ${SORT_KEYS[sort]}; Ctrl-C stops`, 'dim')];
  const names = Object.entries(SORT_KEYS).flatMap(([key, name]) => {
    const text = `${key} ${name}`;
    return [key === sort ? styled(text, 'bold') : styled(text, 'dim'), '  '];
  });
  return ['sort by ', ...names, 'q quit'];
}
