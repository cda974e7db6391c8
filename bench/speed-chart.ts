/** A chart of vtep beside other programs at the same work, for a README: packets per second, on a logarithmic axis. */
import { letters } from '../src/picture/letters.js';
import { element } from '../src/picture/markup.js';
import { MARGIN, sheet, WIDTH } from '../src/picture/sheet.js';
import { fillClass, Size } from '../src/picture/theme.js';
import { type Bar, type BarRow, BARS, drawRows, END, opacityOf, rowsHeight } from './bar-rows.js';
import { figure } from './figure.js';
import { type BenchReport, type BenchResult, type FrameSize, type PeerResult, Stage } from './result.js';
import { logScale, type Scale } from './scale.js';
import { fastest, measured, usualResults } from './selection.js';

const GROUP_GAP = 12;
/** Top of the bars with one machine, and what each further one adds. */
const TOP = 58;
const MACHINE_LINE = 16;
const AXIS = 30;
/** Height of a chart's remark that it is empty. */
const EMPTY = 21;
/** What vtep is called. */
const OWN = 'vtep';
/** The widest range that is drawn: this share of the figure in each direction. */
const WIDEST = 0.9;

/** Work that several programs do. */
interface Work {
  readonly title: string;
  readonly narrow: string;
  readonly stage: Stage;
  readonly bytes: FrameSize;
  readonly encrypted: boolean;
  /** Peers by name, and what to call them. */
  readonly peers: readonly (readonly [peer: string, name: string, narrow: string])[];
}

const WORKS: readonly Work[] = [
  {
    title: 'Find the inner IP',
    narrow: 'Find inner IP',
    stage: Stage.Decode,
    bytes: 64,
    encrypted: false,
    peers: [
      ['gopacket', 'gopacket (Go)', 'gopacket'],
      ['pcap-parser', 'pcap-parser (records)', 'pcap-parser'],
      ['scapy', 'scapy (Python)', 'scapy'],
    ],
  },
  {
    title: 'Seal (AES-GCM)',
    narrow: 'Seal',
    stage: Stage.Seal,
    bytes: 1400,
    encrypted: true,
    peers: [
      ['ipsec-mb in C', 'ipsec-mb in C', 'ipsec-mb in C'],
      ['createCipheriv', 'node:crypto', 'node:crypto'],
    ],
  },
  {
    title: 'Encapsulate',
    narrow: 'Encapsulate',
    stage: Stage.Egress,
    bytes: 64,
    encrypted: false,
    peers: [['linux vxlan', 'Linux vxlan, sendmmsg', 'Linux vxlan']],
  },
];

interface Group {
  readonly work: Work;
  readonly rows: readonly BarRow[];
}

/** A result's figure and the range of its rounds, of which a report has only the width. */
function barOf(result: BenchResult | PeerResult, machine: number, text: string, rate: string, what: string): Bar {
  const half = Math.min(Math.max(result.spread, 0) / 200, WIDEST);
  const [low, high] = [result.pps / (1 + half), result.pps / (1 - half)];
  return { value: result.pps, low, high, text, narrow: machine === 0 ? rate : '', tip: what, machine };
}

/** The programs that did one kind of work on one machine, each by its fastest way to do it; empty unless vtep and others did. */
function barsOf(report: BenchReport, machine: number, work: Work): Map<string, Bar> {
  const { stage, bytes, encrypted } = work;
  const bars = new Map<string, Bar>();
  const own = fastest(usualResults(report, stage, encrypted).filter((result) => result.bytes === bytes));
  if (own === undefined) return bars;
  const how = own.backend === null ? 'in batches' : `in batches, by ${own.backend}`;
  const rate = rateText(own.pps);
  bars.set(OWN, barOf(own, machine, rate, rate, `${OWN}, ${how}: ${rate}`));
  for (const [peer, name] of work.peers) {
    const same = (result: PeerResult): boolean =>
      result.peer === peer && result.stage === stage && result.bytes === bytes && measured(result);
    const best = fastest(report.peers.filter(same));
    if (best === undefined) continue;
    const theirs = rateText(best.pps);
    const text = `${theirs} · vtep ${ratioText(best.nsPerPacket / own.nsPerPacket)} x`;
    bars.set(peer, barOf(best, machine, text, theirs, `${name}, ${best.what}: ${theirs}`));
  }
  return bars.size === 1 ? new Map() : bars;
}

function groupOf(reports: readonly BenchReport[], work: Work): Group {
  const machines = reports.map((report, i) => barsOf(report, i, work));
  const row = (peer: string, name: string, narrow: string): BarRow => {
    return { name, narrow, own: peer === OWN, bars: machines.flatMap((bars) => bars.get(peer) ?? []) };
  };
  const rows = [row(OWN, OWN, OWN), ...work.peers.map(([peer, name, narrow]) => row(peer, name, narrow))];
  return { work, rows: rows.filter(({ bars }) => bars.length > 0) };
}

function rateText(pps: number): string {
  return pps < 1e5 ? `${figure(pps / 1e3)} kpps` : `${figure(pps / 1e6)} Mpps`;
}

function tickText(pps: number): string {
  if (pps >= 1e6) return `${pps / 1e6} M`;
  return pps >= 1e3 ? `${pps / 1e3} k` : String(pps);
}

function ratioText(ratio: number): string {
  return ratio < 10 ? ratio.toPrecision(2) : Number(ratio.toPrecision(2)).toLocaleString('en-US');
}

function sizeText(bytes: FrameSize): string {
  return bytes === 'imix' ? 'IMIX' : `${bytes} bytes`;
}

function machineText({ machine, node, date }: BenchReport): string {
  return `${machine}, Node ${node}, ${date}`;
}

/** Which bars are which machine's, if there are several. */
function machineLines(reports: readonly BenchReport[], width: number): string[] {
  return reports.map((report, i) => {
    const y = MARGIN + 28 + i * MACHINE_LINE;
    const sign = { x: MARGIN, y: y - 9, width: 14, height: 9, rx: 2, class: `${fillClass(0)} wide` };
    const left = reports.length > 1 ? 20 : 0;
    const text = { size: Size.Small, look: 'faint', room: width - left, narrow: '' };
    return (
      (left > 0 ? element('rect', { ...sign, opacity: opacityOf(true, i) }) : '') +
      letters(MARGIN + left, y, machineText(report), text)
    );
  });
}

/** The vertical lines of powers of ten, with their names below. */
function decadeAxis(low: number, high: number, x: Scale, top: number, bottom: number): string[] {
  const decades = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  return decades.flatMap((pps, i) => [
    element('line', { x1: x(pps), y1: top - 4, x2: x(pps), y2: bottom, class: 'rule' }),
    letters(x(pps), bottom + 15, tickText(pps), {
      size: Size.Small,
      look: 'faint middle',
      narrow: i % 2 === 0 ? tickText(pps) : '',
      narrowY: bottom + 19,
    }),
  ]);
}

/**
 * The chart of runs on one or several machines: for each kind of work that vtep and another program were measured at,
 * packets per second of each, with the range of the rounds. It is 800 pixels wide, and follows the reader's colour scheme.
 */
export function speedChart(reports: readonly BenchReport[]): string {
  const groups = WORKS.map((work) => groupOf(reports, work)).filter(({ rows }) => rows.length > 0);
  const rates = groups.flatMap(({ rows }) => rows.flatMap(({ bars }) => bars.flatMap(({ low, high }) => [low, high])));
  const low = Math.floor(Math.log10(Math.min(...rates, 1e6)) - 0.2);
  const high = Math.ceil(Math.log10(Math.max(...rates, 1e7)));
  const x = logScale(10 ** low, 10 ** high, BARS, END);
  const top = TOP + MACHINE_LINE * (Math.max(reports.length, 1) - 1);
  let y = top;
  const bars: string[] = [];
  for (const { work, rows } of groups) {
    bars.push(
      letters(MARGIN, y + 14, work.title, { size: Size.Small, look: 'strong', narrow: work.narrow, narrowY: y + 16 }),
      letters(MARGIN, y + 30, sizeText(work.bytes), { size: Size.Small, look: 'faint', narrowY: y + 37 }),
      ...drawRows(rows, y, x),
    );
    y += rowsHeight(rows) + GROUP_GAP;
  }
  if (groups.length === 0) {
    bars.push(letters(MARGIN, y + 14, 'Nothing to compare was measured in this run.', { size: Size.Small }));
    y += EMPTY + GROUP_GAP;
  }
  const bottom = y - GROUP_GAP + 6;
  const axis = groups.length === 0 ? [] : decadeAxis(low, high, x, top, bottom);
  const width = WIDTH - 2 * MARGIN;
  const title = 'Packets per second on one core';
  const description = groups
    .map(({ work, rows }) => {
      const each = rows.flatMap((row) => row.bars.map((bar) => bar.tip));
      return `${work.title}, ${sizeText(work.bytes)}: ${each.join('; ')}.`;
    })
    .join(' ');
  const where = `Measured on ${reports.map(machineText).join(' and on ')}.`;
  const caption = {
    id: 'vtep-speed',
    title,
    description: `${description} ${where}`,
  };
  return sheet(caption, bottom + AXIS, [
    letters(MARGIN, MARGIN + 12, title, { size: Size.Heading, look: 'strong', narrowY: MARGIN + 15 }),
    letters(MARGIN + width, MARGIN + 12, 'logarithmic scale; lines: range of the rounds', {
      size: Size.Small,
      look: 'faint end',
      narrow: 'log scale',
      narrowY: MARGIN + 15,
    }),
    ...machineLines(reports, width),
    ...axis,
    ...bars,
  ]);
}
