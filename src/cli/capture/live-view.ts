/** What `capture` shows on a terminal: rates by network, VTEP pair and endpoint, and problems first. */
import type { Problem } from '../../inspect/index.js';
import { type Line, styled } from '../style.js';
import { addresses, type Cell, type Column, compact, grouped, numbers, table, words } from '../table.js';
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

/** A size in characters. */
export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
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

/** A table of the view. */
interface Section {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

/** A section's title and headings, and the empty line above. */
const SECTION_LINES = 3;
/** Share of the window that problems may take. */
const PROBLEM_SHARE = 1 / 3;

/** The lines for a window: the last one names the keys. */
export function liveLines(state: LiveState, { rows, columns }: WindowSize): Line[] {
  const head = [
    headLine(state),
    ...problemLines(state.problems, Math.max(1, Math.floor(rows * PROBLEM_SHARE)), columns),
  ];
  const sections = [networks(state), pairs(state), endpoints(state)].filter((section) => section.rows.length > 0);
  const room = shares(sections, rows - 1 - head.length);
  const body = sections.flatMap((section, i) => sectionLines(section, room[i], columns));
  const shown = [...head, ...body].slice(0, Math.max(1, rows - 1));
  const empty = Array.from({ length: Math.max(0, rows - 1 - shown.length) }, () => '');
  return [...shown, ...empty, keyLine(state)];
}

/** Rows of each section for a number of lines: one each if possible, in order; then in turn, as many as there are. */
function shares(sections: readonly Section[], lines: number): number[] {
  let left = lines;
  const shown = sections.map(() => {
    if (left <= SECTION_LINES) return 0;
    left -= SECTION_LINES + 1;
    return 1;
  });
  for (let gave = true; gave && left > 0;) {
    gave = false;
    sections.forEach(({ rows }, i) => {
      if (left <= 0 || shown[i] === 0 || shown[i] >= rows.length) return;
      shown[i]++;
      left--;
      gave = true;
    });
  }
  return shown;
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

function sectionLines({ title, columns, rows }: Section, space: number, width: number): Line[] {
  if (space === 0) return [];
  const left = rows.length - space;
  const heading: Line = [styled(title, 'bold'), left > 0 ? ` (${grouped(space)} of ${grouped(rows.length)})` : ''];
  // Without the note on columns that don't fit: a wider window shows them.
  return ['', heading, ...table(columns, rows.slice(0, space), width).slice(0, 1 + space)];
}

function flowCells({ packetsPerSecond, bitsPerSecond, packets, bytes }: Flow): Cell[] {
  const cells = [rate(packetsPerSecond), rate(bitsPerSecond), compact(packets), compact(bytes)];
  return cells.map((text) => (text === '0' ? styled(text, 'dim') : text));
}

function sorted<T extends Named>(rows: readonly T[], sort: SortKey): T[] {
  return [...rows].sort((a, b) => COMPARE[sort](a, b) || COMPARE.n(a, b));
}

function networks({ rates, sort }: LiveState): Section {
  return {
    title: 'Networks',
    columns: [numbers('VNI'), ...RATES, ...TOTALS, numbers('endpoints', { keep: 1 })],
    rows: sorted<NetworkRate>(rates.networks, sort).map((row) => [row.name, ...flowCells(row), row.endpoints]),
  };
}

function pairs({ rates, sort }: LiveState): Section {
  return {
    title: 'VTEPs',
    columns: [addresses('from'), addresses('to'), ...RATES, ...TOTALS],
    rows: sorted<PairRate>(rates.pairs, sort).map((row) => [row.source, row.destination, ...flowCells(row)]),
  };
}

function endpoints({ rates, sort }: LiveState): Section {
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
