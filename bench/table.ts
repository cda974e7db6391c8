/** A benchmark's results as tables: for a terminal, and as Markdown. */
import { type Line, styled } from '../src/cli/style.js';
import { type Column, grouped, numbers, table, words } from '../src/cli/table.js';
import { figure } from './figure.js';
import { meanBytes, sizeName } from './imix.js';
import { type BenchReport, type BenchResult, type FrameSize, type PeerResult, Stage } from './result.js';
import { fastest, resultsOf, settingName, usualResults, usualSetting } from './selection.js';
import { targetsOf } from './targets.js';

/** A table before printing. */
export interface ReportTable {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

const NONE = '–';
const TARGETS = 'Targets';
const SPEED = [numbers('ns/packet'), numbers('Mpps'), numbers('Gbit/s'), numbers('spread %', { keep: 1 })];
const NETWORKS = [false, true];

function network(encrypted: boolean): string {
  return encrypted ? 'encrypted' : 'clear';
}

function sizeCell(bytes: FrameSize | null): string {
  return bytes === null ? NONE : sizeName(bytes);
}

function speedCells({ nsPerPacket, pps, bitsPerSecond, spread }: BenchResult | PeerResult): string[] {
  const whole = Number.isFinite(spread) ? spread.toFixed(0) : NONE;
  return [figure(nsPerPacket), figure(pps / 1e6), figure(bitsPerSecond / 1e9), whole];
}

/** Calls `make` for each stage on each kind of network, and concatenates the results. */
function eachStage<T>(make: (stage: Stage, encrypted: boolean) => T[]): T[] {
  return Object.values(Stage).flatMap((stage) => NETWORKS.flatMap((encrypted) => make(stage, encrypted)));
}

/** A table for each stage: its cost by size and cipher. */
function stageTables(report: BenchReport): ReportTable[] {
  return eachStage((stage, encrypted) => {
    const results = usualResults(report, stage, encrypted);
    const setting = usualSetting(results);
    if (setting === undefined) return [];
    const title = `${stage}, ${network(encrypted)}: ${settingName(setting)}`;
    const rows = results.map((result) => [sizeName(result.bytes), result.backend ?? NONE, ...speedCells(result)]);
    return [{ title, columns: [numbers('bytes'), words('cipher'), ...SPEED], rows }];
  });
}

/**
 * The effect of the batch size, or of the flows, on the time per packet, all else being equal; a row for each with
 * several.
 */
function effectTable(report: BenchReport, title: string, by: 'batch' | 'flows'): ReportTable {
  const other = by === 'batch' ? 'flows' : 'batch';
  const groups = eachStage((stage, encrypted) => {
    const results = resultsOf(report, stage, encrypted);
    const fixed = usualSetting(results)?.[other];
    const made = new Map<string, BenchResult[]>();
    for (const result of results) {
      if (result[other] !== fixed) continue;
      const key = JSON.stringify([result.bytes, result.backend]);
      made.set(key, [...(made.get(key) ?? []), result]);
    }
    return [...made.values()].filter((group) => new Set(group.map((result) => result[by])).size > 1);
  });
  const values = [...new Set(groups.flat().map((result) => result[by]))].sort((a, b) => a - b);
  const heads = [words('stage'), words('network'), numbers('bytes'), words('cipher'), numbers(other, { keep: 1 })];
  const rows = groups.map((group) => {
    const { stage, encrypted, bytes, backend } = group[0];
    const cells = values.map((value) => {
      const found = fastest(group.filter((result) => result[by] === value));
      return found === undefined ? NONE : figure(found.nsPerPacket);
    });
    return [stage, network(encrypted), sizeName(bytes), backend ?? NONE, String(group[0][other]), ...cells];
  });
  return { title, columns: [...heads, ...values.map((value) => numbers(`${by} ${value}`))], rows };
}

/** Sealing and opening over few and many tunnels, and the ratio. */
function tunnelTable({ tunnels = [] }: BenchReport): ReportTable {
  const counts = tunnels.length === 0 ? [] : tunnels[0].tunnels;
  const heads = [words('stage'), words('profile'), numbers('bytes'), words('cipher')];
  return {
    title: 'Nanoseconds per packet by tunnels, packets at random over all of them',
    columns: [...heads, ...counts.map((count) => numbers(`tunnels ${count}`)), numbers('ratio', { keep: 1 })],
    rows: tunnels.map(({ stage, profile, bytes, backend, nsPerPacket, ratio }) => {
      return [stage, profile, sizeName(bytes), backend, ...nsPerPacket.map(figure), ratio.toFixed(2)];
    }),
  };
}

/**
 * The peers, each next to vtep's fastest result for the same work, on a clear and on an encrypted network if both were
 * measured.
 */
function peerTable(report: BenchReport): ReportTable {
  const rows = report.peers.flatMap((peer) => {
    const cells = [peer.peer, peer.what, peer.stage, sizeCell(peer.bytes), ...speedCells(peer)];
    const ours = NETWORKS.flatMap((encrypted) => {
      const results = usualResults(report, peer.stage, encrypted);
      return fastest(results.filter(({ bytes }) => peer.bytes === null || bytes === peer.bytes)) ?? [];
    });
    if (ours.length === 0) return [[...cells, NONE, NONE, NONE]];
    return ours.map((result) => {
      const which = [network(result.encrypted), result.backend].filter((part) => part !== null).join(', ');
      return [...cells, which, figure(result.nsPerPacket), figure(peer.nsPerPacket / result.nsPerPacket)];
    });
  });
  const heads = [
    words('peer', { shorten: 'end', least: 14 }),
    words('what', { shorten: 'end', least: 10, keep: 6 }),
    words('stage'),
    numbers('bytes'),
    numbers('ns/packet'),
    numbers('Mpps', { keep: 3 }),
    numbers('Gbit/s', { keep: 4 }),
    numbers('spread %', { keep: 1 }),
  ];
  const comparison = [
    words('vtep', { shorten: 'end', keep: 5 }),
    numbers('vtep ns', { keep: 2 }),
    numbers('times vtep'),
  ];
  const title = 'Other programs, and their time relative to vtep with its fastest cipher';
  return { title, columns: [...heads, ...comparison], rows };
}

/** The tables of a report, without empty ones. */
export function reportTables(report: BenchReport): ReportTable[] {
  const tables = [
    ...stageTables(report),
    effectTable(report, 'Nanoseconds per packet by batch size', 'batch'),
    effectTable(report, 'Nanoseconds per packet by flows', 'flows'),
    tunnelTable(report),
    peerTable(report),
    {
      title: 'Not measured',
      columns: [
        words('peer'),
        words('what', { shorten: 'end', keep: 1 }),
        words('what is missing', { shorten: 'wrap' }),
      ],
      rows: report.notMeasured.map(({ peer, what, missing }) => [peer, what, missing]),
    },
    {
      title: TARGETS,
      columns: [words('what'), words('target'), words('in this run'), words('outcome')],
      rows: targetsOf(report).map(({ what, aim, reached, outcome }) => [what, aim, reached, outcome]),
    },
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

/** Removes line breaks and other control characters, so that a row stays one line. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, ' ');
}

function caption({ machine, node, date }: BenchReport): string {
  return oneLine(`${machine}, Node ${node}, ${date}`);
}

/** Bytes that Ethernet adds to a frame on the wire: FCS, preamble, and the gap between frames. */
const WIRE_BYTES = 24;
/** Sizes of the answer, in its order: small packets, the largest common ones, and the mix. */
const ANSWER_SIZES: readonly FrameSize[] = [64, 1400, 'imix'];

const ANSWER_CHAINS = [Stage.Egress, Stage.Ingress, Stage.StrictEgress, Stage.StrictIngress] as const;

/** The frames of this size that a port of 10 Gbit/s carries per second. */
function lineRate(size: FrameSize): number {
  return 10e9 / 8 / (meanBytes(size) + WIRE_BYTES);
}

/** What most people run the benchmark for: both chains with the fastest cipher, next to a port of 10 Gbit/s. */
export function answerTable(report: BenchReport): ReportTable {
  const rows = ANSWER_CHAINS.flatMap((stage) =>
    NETWORKS.flatMap((encrypted) =>
      ANSWER_SIZES.flatMap((size) => {
        const found = fastest(usualResults(report, stage, encrypted).filter(({ bytes }) => bytes === size));
        if (found === undefined) return [];
        const { nsPerPacket, pps, bitsPerSecond, backend } = found;
        const share = `${((100 * pps) / lineRate(size)).toFixed(0)} %`;
        const speed = [figure(nsPerPacket), figure(pps / 1e6), figure(bitsPerSecond / 1e9), share];
        return [[stage, network(encrypted), sizeName(size), ...speed, backend ?? NONE]];
      }),
    ),
  );
  const heads = [words('chain'), words('network'), numbers('bytes')];
  const speeds = [numbers('ns/packet', { keep: 1 }), numbers('Mpps'), numbers('Gbit/s'), numbers('of 10GbE')];
  const title = 'One core, and its share of the frames that a 10 Gbit/s port carries';
  return { title, columns: [...heads, ...speeds, words('cipher', { keep: 2 })], rows };
}

/** What the work besides moving packets is called, and what the number of flows counts there. */
const SERVICES = [
  [Stage.Lookup, 'forwarding table, lookup', 'entries'],
  [Stage.Balance, 'load balancer, 64 bytes', 'connections'],
  [Stage.Dns, 'DNS, an address', 'services'],
] as const;

/** The forwarding table, the load balancer and the DNS server, with as many entries as were measured. */
export function servicesTable(report: BenchReport): ReportTable {
  const rows = SERVICES.flatMap(([stage, what, unit]) => {
    const results = resultsOf(report, stage, false);
    const { batch } = usualSetting(results) ?? { batch: 0 };
    return results
      .filter((result) => result.batch === batch)
      .sort((a, b) => a.flows - b.flows)
      .map(({ flows, nsPerPacket, pps, spread }) => {
        return [what, `${grouped(flows)} ${unit}`, figure(nsPerPacket), figure(pps / 1e6), spread.toFixed(0)];
      });
  });
  const heads = [words('work', { shorten: 'end' }), numbers('known')];
  return {
    title: 'One core, beside the chains',
    columns: [...heads, numbers('ns'), numbers('million/s'), numbers('spread %', { keep: 1 })],
    rows,
  };
}

/** The tables for a terminal: the answer and the peers; with `verbose`, every stage, cipher, batch and flow count. */
export function printedTables(report: BenchReport, verbose: boolean): ReportTable[] {
  const details = reportTables(report).filter(({ title }) => title !== TARGETS);
  const peers = peerTable(report).title;
  const answer = [answerTable(report), servicesTable(report)].filter(({ rows }) => rows.length > 0);
  return [...answer, ...(verbose ? details : details.filter(({ title }) => title === peers))];
}

/**
 * Prints a report for a terminal, one line at a time.
 * @param verbose whether to print all of its tables
 */
export function printReport(report: BenchReport, write: (line: Line) => void, verbose: boolean): void {
  write(caption(report));
  for (const { title, columns, rows } of printedTables(report, verbose)) {
    write('');
    write([styled(title, 'bold')]);
    const cells = rows.map((row) => row.map(oneLine));
    for (const line of table(columns, cells)) write(line);
  }
}

/** Escapes text for one line of Markdown. */
function plainMarkdown(text: string): string {
  return oneLine(text).replace(/[\\|<&*`]/g, '\\$&');
}

/** A table as Markdown, its columns as wide as their widest cell. */
export function markdownTable({ columns, rows }: ReportTable): string {
  const cells = rows.map((row) => row.map(plainMarkdown));
  const widths = columns.map(({ heading }, i) =>
    cells.reduce((width, row) => Math.max(width, row[i].length), Math.max(3, heading.length)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (columns[i].align === 'left' ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = columns.map(({ align }, i) => '-'.repeat(widths[i] - 1) + (align === 'left' ? '-' : ':'));
  return [columns.map(({ heading }) => heading), rule, ...cells].map((row) => `${line(row)}\n`).join('');
}

/** A report's tables as Markdown, each under its title. */
export function markdownReport(report: BenchReport): string {
  const tables = reportTables(report).map((one) => `\n**${one.title}**\n\n${markdownTable(one)}`);
  return `${plainMarkdown(caption(report))}\n${tables.join('')}`;
}
