/** The live benchmark's results as tables of at most 80 columns. */
import { type Line, styled } from '../../src/cli/style.js';
import { type Column, grouped, numbers, table, words } from '../../src/cli/table.js';
import { figure } from '../figure.js';
import { aesText } from '../aes-features.js';
import type { ReportTable } from '../table.js';
import { OTHER_VTEP, REFERENCE } from './lines.js';
import { type Figure, type LineCounts, type LineResult, type LiveReport, type NodeCounts, Traffic } from './result.js';
import { TRAFFIC } from './traffic.js';

const NONE = '–';

/** What a kind of traffic is shown in. */
const SCALES: Readonly<Record<string, readonly [name: string, divisor: number]>> = {
  'bit/s': ['Gbit/s', 1e9],
  'datagrams/s': ['kpps', 1e3],
  ms: ['p50 ms', 1],
};

/** A figure in few characters: three digits, but at most three decimals where these are enough. */
function short(value: number): string {
  return value < 1 && value >= 0.001 ? value.toFixed(3) : figure(value);
}

function rangeText({ min, max }: Figure, divisor: number): string {
  return `${short(min / divisor)}–${short(max / divisor)}`;
}

/** One figure for each process: `96`, or `90 + 57`, with three digits from 1,000 on. */
function eachText(values: readonly number[]): string {
  const text = (value: number): string => (value < 999.5 ? value.toFixed(0) : `${(value / 1000).toPrecision(2)}k`);
  return values.length === 0 ? NONE : values.map(text).join(' + ');
}

function optional(value: number | undefined, text: (value: number) => string): string {
  return value === undefined ? NONE : text(value);
}

/** What a table has besides the rate, its range and the ratio. */
interface Detail {
  readonly column: Column;
  readonly text: (result: LineResult, report: LiveReport) => string;
}

const CPU: Detail = { column: numbers('CPU %'), text: ({ cpu }) => eachText(cpu) };
const RETRANSMITS: Detail = {
  column: numbers('retr.'),
  text: ({ retransmits }) => optional(retransmits, grouped),
};
const LOST: Detail = {
  column: numbers('lost %'),
  text: ({ lost }) => optional(lost, (share) => (100 * share).toFixed(0)),
};
const CALLS: Detail = {
  column: numbers('calls/MB'),
  text: ({ line, offloads }, { calls }) => {
    const found = calls.find((one) => one.line === line && one.offloads === offloads);
    return eachText(found?.perMegabyte ?? []);
  },
};
const P99: Detail = { column: numbers('p99 ms'), text: ({ p99 }) => optional(p99, short) };
const PINGS: Detail = {
  column: numbers('pings'),
  text: ({ pings }) => optional(pings?.answered, grouped),
};

/** A table's details, by traffic. */
const DETAILS: Readonly<Record<Traffic, readonly Detail[]>> = {
  [Traffic.Tcp1]: [CPU, CALLS, RETRANSMITS],
  [Traffic.Tcp4]: [CPU, RETRANSMITS],
  [Traffic.Udp64]: [CPU, LOST],
  [Traffic.Udp1400]: [CPU, LOST],
  [Traffic.Ping5]: [P99, PINGS, CPU],
  [Traffic.Ping200]: [P99, PINGS, CPU],
};

function wireTitle(offloads: boolean): string {
  return `wire's offloads ${offloads ? 'on' : 'off'}`;
}

function trafficTable(report: LiveReport, traffic: Traffic, offloads: boolean): ReportTable {
  const results = report.results.filter((one) => one.traffic === traffic && one.offloads === offloads);
  const { title, unit } = TRAFFIC[traffic];
  const [name, divisor] = SCALES[unit];
  const details = DETAILS[traffic];
  return {
    title: `${title}, ${wireTitle(offloads)}`,
    columns: [
      words('line', { shorten: 'end', least: 14 }),
      numbers(name),
      numbers('min–max'),
      numbers('ratio'),
      ...details.map(({ column }) => column),
    ],
    rows: results.map((result) => [
      result.line,
      short((result.p50 ?? result.figure.median) / divisor),
      rangeText(result.figure, divisor),
      optional(result.ratio, (ratio) => ratio.toPrecision(2)),
      ...details.map(({ text }) => text(result, report)),
    ]),
  };
}

function nodeRow({ line }: LineCounts, node: NodeCounts, index: number, of: number): string[] {
  const { received, sent, overrun, refused, dropped, balanced } = node;
  const counts = [received, sent, overrun, refused, dropped].map(grouped);
  return [index === 0 ? line : '', of === 1 ? '' : String(index + 1), ...counts, balanced ? 'yes' : 'NO'];
}

/** What vtep's own reports count over the whole run. */
function countsTable(report: LiveReport, offloads: boolean): ReportTable {
  const counts = report.counts.filter((one) => one.offloads === offloads);
  return {
    title: `vtep's own counts, ${wireTitle(offloads)}`,
    columns: [
      words('line', { shorten: 'end', least: 14 }),
      words('node', { optional: true }),
      numbers('received', { shorten: 'compact' }),
      numbers('sent', { shorten: 'compact' }),
      numbers('overrun'),
      numbers('refused'),
      numbers('dropped'),
      words('exact'),
    ],
    rows: counts.flatMap((one) => one.nodes.map((node, i) => nodeRow(one, node, i, one.nodes.length))),
  };
}

/** The tables of a report, without empty ones. */
export function liveTables(report: LiveReport): ReportTable[] {
  const tables = [false, true].flatMap((offloads) => [
    ...Object.values(Traffic).map((traffic) => trafficTable(report, traffic, offloads)),
    countsTable(report, offloads),
  ]);
  const missing = {
    title: 'Not measured',
    columns: [words('line'), words('what', { shorten: 'end' }), words('why', { shorten: 'wrap' })],
    rows: report.notMeasured.map(({ peer, what, missing: why }) => [peer, what, why]),
  } satisfies ReportTable;
  return [...tables, missing].filter(({ rows }) => rows.length > 0);
}

/** The machine and the run, in lines of at most 80 characters if the processor's name is short. */
export function liveCaption({ machine, node, date, seconds, rounds, load }: LiveReport): string[] {
  const { cpu, cores, kernel, aes } = machine;
  const [before, after] = load.map((one) => one.toFixed(1));
  return [
    `${cpu}, ${cores} cores${aes === undefined ? '' : `, ${aesText(aes)}`}`,
    `${kernel}, Node ${node}, ${date}, load ${before} before, ${after} after`,
    `Medians of ${rounds} interleaved ${rounds === 1 ? 'round' : 'rounds'} of ${seconds} s. ` +
      `Ratio: to ${REFERENCE} in the`,
    'same round. CPU and calls: of each forwarding process, node 1 first.',
  ];
}

/** Prints a report for a terminal, one line at a time. */
export function printLiveReport(report: LiveReport, write: (line: Line) => void): void {
  for (const line of liveCaption(report)) write(line);
  for (const { title, columns, rows } of liveTables(report)) {
    write('');
    write([styled(title, 'bold')]);
    for (const line of table(columns, rows)) write(line);
  }
  write('');
  for (const { line, what } of report.lines) write([styled(`${line}: ${what}`, 'dim')]);
  if (report.against !== undefined) write([styled(`${OTHER_VTEP} is another build: ${report.against}`, 'dim')]);
}
