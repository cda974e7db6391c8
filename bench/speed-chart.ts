/** A chart of vtep beside other programs at the same work, for a README: packets per second, on a logarithmic axis. */
import { letters } from '../src/picture/letters.js';
import { element, textWidth, tip } from '../src/picture/markup.js';
import { MARGIN, sheet, WIDTH } from '../src/picture/sheet.js';
import { fillClass, Size } from '../src/picture/theme.js';
import { figure } from './figure.js';
import { type BenchReport, type FrameSize, type PeerResult, Stage } from './result.js';
import { logScale } from './scale.js';
import { fastest, measured, usualResults } from './selection.js';

const ROW = 21;
const BAR = 13;
const GROUP_GAP = 12;
const TOP = 58;
const AXIS = 30;
/** Left edges of the programs' names and of the bars, and right edge of the longest possible bar. */
const NAMES = 192;
const BARS = 356;
const END = 690;

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

interface Row {
  readonly name: string;
  readonly narrow: string;
  readonly own: boolean;
  readonly pps: number;
  /** vtep's speed divided by this one's. */
  readonly ratio: number;
  /** What exactly it did. */
  readonly what: string;
}

interface Group {
  readonly work: Work;
  readonly rows: readonly Row[];
}

/** vtep and the peers of one kind of work, each by its fastest way to do it; empty unless both were measured. */
function groupOf(report: BenchReport, work: Work): Group {
  const { stage, bytes, encrypted } = work;
  const own = fastest(usualResults(report, stage, encrypted).filter((result) => result.bytes === bytes));
  if (own === undefined) return { work, rows: [] };
  const peers = work.peers.flatMap(([peer, name, narrow]) => {
    const same = (result: PeerResult): boolean =>
      result.peer === peer && result.stage === stage && result.bytes === bytes && measured(result);
    const best = fastest(report.peers.filter(same));
    if (best === undefined) return [];
    return [{ name, narrow, own: false, pps: best.pps, ratio: best.nsPerPacket / own.nsPerPacket, what: best.what }];
  });
  if (peers.length === 0) return { work, rows: [] };
  const what = own.backend === null ? 'in batches' : `in batches, by ${own.backend}`;
  return { work, rows: [{ name: 'vtep', narrow: 'vtep', own: true, pps: own.pps, ratio: 1, what }, ...peers] };
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

function drawRow(row: Row, y: number, x: (pps: number) => number): string {
  const { name, narrow, own, pps, ratio, what } = row;
  const end = x(pps);
  const rate = rateText(pps);
  const baseline = y + ROW / 2 + 4;
  const narrowY = y + ROW / 2 + 6.5;
  const bar = { x: BARS, y: y + (ROW - BAR) / 2, width: end - BARS, height: BAR, rx: 2 };
  const look = own ? 'strong' : '';
  const text = own ? rate : `${rate} · vtep ${ratioText(ratio)} x`;
  const fits = end + 7 + textWidth(text, Size.Small.wide) <= WIDTH - MARGIN;
  const style = { size: Size.Small, narrow: rate, narrowY };
  return element(
    'g',
    {},
    tip(`${name}, ${what}: ${rate}`),
    letters(NAMES, baseline, name, { size: Size.Small, look, narrow, narrowY }),
    element('rect', { ...bar, class: fillClass(own ? 0 : undefined), 'fill-opacity': own ? 1 : 0.55 }),
    // A label without space after its bar ends at the margin.
    fits
      ? letters(end + 7, baseline, text, { ...style, look: `${look} halo`.trim() })
      : letters(WIDTH - MARGIN, baseline, text, { ...style, look: `${look} halo end`.trim() }),
  );
}

function sizeText(bytes: FrameSize): string {
  return bytes === 'imix' ? 'IMIX' : `${bytes} bytes`;
}

/**
 * The chart of a report: for each kind of work that vtep and another program were measured at, packets per second of each.
 * It is about 800 by 280 pixels, and follows the reader's colour scheme.
 */
export function speedChart(report: BenchReport): string {
  const groups = WORKS.map((work) => groupOf(report, work)).filter(({ rows }) => rows.length > 0);
  const rates = groups.flatMap(({ rows }) => rows.map(({ pps }) => pps));
  const low = Math.floor(Math.log10(Math.min(...rates, 1e6)) - 0.2);
  const high = Math.ceil(Math.log10(Math.max(...rates, 1e7)));
  const x = logScale(10 ** low, 10 ** high, BARS, END);
  let y = TOP;
  const bars: string[] = [];
  for (const { work, rows } of groups) {
    bars.push(
      letters(MARGIN, y + 14, work.title, { size: Size.Small, look: 'strong', narrow: work.narrow, narrowY: y + 16 }),
      letters(MARGIN, y + 30, sizeText(work.bytes), { size: Size.Small, look: 'faint', narrowY: y + 37 }),
      ...rows.map((row, i) => drawRow(row, y + i * ROW, x)),
    );
    y += rows.length * ROW + GROUP_GAP;
  }
  if (groups.length === 0) {
    bars.push(letters(MARGIN, y + 14, 'Nothing to compare was measured in this run.', { size: Size.Small }));
    y += ROW + GROUP_GAP;
  }
  const bottom = y - GROUP_GAP + 6;
  const decades = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  const axis = (groups.length === 0 ? [] : decades).flatMap((pps, i) => [
    element('line', { x1: x(pps), y1: TOP - 4, x2: x(pps), y2: bottom, class: 'rule' }),
    letters(x(pps), bottom + 15, tickText(pps), {
      size: Size.Small,
      look: 'faint middle',
      narrow: i % 2 === 0 ? tickText(pps) : '',
      narrowY: bottom + 19,
    }),
  ]);
  const { machine, node, date } = report;
  const width = WIDTH - 2 * MARGIN;
  const title = 'Packets per second on one core';
  const description = groups
    .map(({ work, rows }) => {
      const each = rows.map(({ name, pps, what }) => `${name} (${what}) ${rateText(pps)}`);
      return `${work.title}, ${sizeText(work.bytes)}: ${each.join(', ')}.`;
    })
    .join(' ');
  const where = `Measured on ${machine}, Node ${node}, ${date}.`;
  return sheet({ id: 'vtep-speed', title, description: `${description} ${where}` }, bottom + AXIS, [
    letters(MARGIN, MARGIN + 12, title, { size: Size.Heading, look: 'strong', narrowY: MARGIN + 15 }),
    letters(MARGIN + width, MARGIN + 12, 'logarithmic scale', {
      size: Size.Small,
      look: 'faint end',
      narrow: 'log scale',
      narrowY: MARGIN + 15,
    }),
    letters(MARGIN, MARGIN + 28, `${machine}, Node ${node}, ${date}`, {
      size: Size.Small,
      look: 'faint',
      room: width,
      narrow: '',
    }),
    ...axis,
    ...bars,
  ]);
}
