/** Reads a run back from its document, so that its pictures can be drawn again without measuring. */
import { type BenchReport, type BenchResult, type FrameSize, type PeerResult, Stage } from './result.js';

const TITLE = /^\*\*([\w ]+), (clear|encrypted): batches of ([\d,]+), ([\d,]+) flows?\*\*$/;
const PEERS = /^\*\*Other programs, /;
const MACHINE = /^(.+), Node (v\S+), (\d{4}-\d\d-\d\d)$/;

interface MarkdownTable {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, line.lastIndexOf('|'))
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replace(/\\([\\|<&*`])/g, '$1'));
}

/** The tables below bold titles, without their headings. */
function tablesOf(lines: readonly string[]): MarkdownTable[] {
  return lines.flatMap((title, i) => {
    if (!title.startsWith('**') || !lines[i + 2]?.startsWith('|')) return [];
    const table = lines.slice(i + 2);
    const end = table.findIndex((line) => !line.startsWith('|'));
    return [{ title, rows: table.slice(2, end < 0 ? undefined : end).map(cellsOf) }];
  });
}

function numberOf(cell: string): number {
  return Number(cell.replaceAll(',', ''));
}

function sizeOf(cell: string): FrameSize | null {
  if (cell === 'IMIX') return 'imix';
  const bytes = numberOf(cell);
  return Number.isFinite(bytes) ? bytes : null;
}

function stageOf(name: string): Stage | undefined {
  return Object.values(Stage).find((stage) => stage === name);
}

/** The cells of `ns/packet`, `Mpps`, `Gbit/s` and `spread %`. */
function speedOf(cells: readonly string[]): Omit<PeerResult, 'peer' | 'what' | 'stage' | 'bytes'> {
  const [nsPerPacket, mpps, gigabits, spread] = cells.map(numberOf);
  return { nsPerPacket, pps: mpps * 1e6, bitsPerSecond: gigabits * 1e9, spread };
}

function resultsOf({ title, rows }: MarkdownTable): BenchResult[] {
  const [, name, network, batch, flows] = TITLE.exec(title) ?? [];
  const stage = stageOf(name);
  if (stage === undefined) return [];
  return rows.flatMap(([size, backend, ...speeds]) => {
    const bytes = sizeOf(size);
    if (bytes === null) return [];
    const speed = speedOf(speeds);
    const setting = { batch: numberOf(batch), flows: numberOf(flows), encrypted: network === 'encrypted' };
    return [{ stage, bytes, backend: backend === '–' ? null : backend, ...setting, ...speed, best: speed.nsPerPacket }];
  });
}

/** The peers, each of which has a row for each of vtep's results that it is compared with. */
function peersOf({ rows }: MarkdownTable): PeerResult[] {
  const seen = new Set<string>();
  return rows.flatMap(([peer, what, name, size, ...speeds]) => {
    const stage = stageOf(name);
    const key = JSON.stringify([peer, what, name, size]);
    if (stage === undefined || seen.has(key)) return [];
    seen.add(key);
    return [{ peer, what, stage, bytes: sizeOf(size), ...speedOf(speeds.slice(0, 4)) }];
  });
}

/**
 * The run that a document records, with figures of three digits: the results of its usual setting, and the peers. The
 * fastest rounds aren't recorded.
 * @param markdown as `document.ts` writes it
 * @throws Error if it has no line about the machine, or no results
 */
export function recordedRun(markdown: string): BenchReport {
  const lines = markdown.split('\n');
  const machine = lines.map((line) => MACHINE.exec(line)).find((match) => match !== null);
  const tables = tablesOf(lines);
  const results = tables.flatMap(resultsOf);
  if (machine === undefined || results.length === 0) throw new Error('this document records no run of vtep bench');
  return {
    machine: machine[1],
    node: machine[2],
    date: machine[3],
    results,
    peers: tables.filter(({ title }) => PEERS.test(title)).flatMap(peersOf),
    notMeasured: [],
  };
}
