/** Which files are one capture: those that dumpcap, tcpdump -C, editcap or `vtep capture` rotated. */

/** A capture file, and when it begins. */
export interface RotatedFile {
  readonly path: string;
  /** Name of the node that the user gave: files of different nodes are never one capture. */
  readonly node: string | undefined;
  /** Time of its first packet; undefined without. */
  readonly first: { readonly seconds: number; readonly nanoseconds: number } | undefined;
}

/** Names that programs give, the most specific first; `wraps` if numbers begin again at 0. */
const NAMES: readonly { readonly pattern: RegExp; readonly wraps: boolean }[] = [
  /** `wire_00001_20261121170000.pcapng` of dumpcap, editcap and `vtep capture`. */
  { pattern: /^(?<stem>.*)_(?<number>\d{5,9})_\d{14}(?<ending>\.[\w.]{1,20})$/, wraps: false },
  /** `wire_20261121170000_00001.pcapng` of dumpcap with `nametimenum:1`. */
  { pattern: /^(?<stem>.*)_\d{14}_(?<number>\d{5,9})(?<ending>\.[\w.]{1,20})$/, wraps: false },
  { pattern: /^(?<stem>.*)_(?<number>\d{5,9})(?<ending>\.[\w.]{1,20})$/, wraps: false },
  /** `wire.pcap`, `wire.pcap1`, ... of tcpdump -C, and `wire.pcap00`, ... of tcpdump -C -W, which begins again at 0. */
  { pattern: /^(?<stem>.*\.(?:pcap|pcapng|cap|dmp))(?<number>\d{0,9})(?<ending>(?:\.gz)?)$/, wraps: true },
];

/** A file by what its name says. */
interface Numbered<T> {
  readonly file: T;
  readonly number: number;
  readonly begin: number;
  readonly nanoseconds: number;
}

interface Series<T> {
  /** Whether numbers begin again at 0. */
  readonly wraps: boolean;
  readonly files: Numbered<T>[];
}

/**
 * Groups files by the captures that they are of. Files are one capture if they are in one folder and of one node, their names
 * differ only in the number that a capturing program counts its files with, these numbers follow each other, and so do the times
 * of their first packets. Where a file is missing, another capture begins.
 * @param captures files in any order
 * @returns the captures, each with its files in order, in the order of their first files in `captures`
 */
export function rotatedCaptures<T extends RotatedFile>(captures: readonly T[]): [T, ...T[]][] {
  const series = new Map<string, Series<T>>();
  for (const file of captures) {
    const { path, node = '', first } = file;
    const name = first === undefined ? undefined : nameOf(path);
    const key =
      name === undefined ? `file ${path} ${node}` : `${name.wraps ? 'tcpdump' : 'dumpcap'} ${name.key}\n${node}`;
    const known = series.get(key) ?? { wraps: name?.wraps ?? false, files: [] };
    const { seconds = 0, nanoseconds = 0 } = first ?? {};
    known.files.push({ file, number: name?.number ?? 0, begin: seconds, nanoseconds });
    series.set(key, known);
  }
  const order = new Map(captures.map((file, i) => [file, i]));
  const first = (group: readonly [T, ...T[]]): number => Math.min(...group.map((file) => order.get(file) ?? 0));
  return [...series.values()].flatMap(inOrder).sort((a, b) => first(a) - first(b));
}

function nameOf(path: string): { readonly key: string; readonly number: number; readonly wraps: boolean } | undefined {
  for (const [kind, { pattern, wraps }] of NAMES.entries()) {
    const groups = pattern.exec(path)?.groups;
    if (groups === undefined) continue;
    const { stem, number, ending } = groups;
    return { key: `${kind}\n${stem}\n${ending}`, number: Number(number), wraps };
  }
  return undefined;
}

function inOrder<T>({ files, wraps }: Series<T>): [T, ...T[]][] {
  files.sort((a, b) => a.begin - b.begin || a.nanoseconds - b.nanoseconds || a.number - b.number);
  const highest = files.reduce((most, { number }) => Math.max(most, number), 0);
  const groups: [T, ...T[]][] = [];
  let before: number | undefined;
  for (const { file, number } of files) {
    const follows = before !== undefined && (number === before + 1 || (wraps && number === 0 && before === highest));
    const group = groups.at(-1);
    if (follows && group !== undefined) group.push(file);
    else groups.push([file]);
    before = number;
  }
  return groups;
}
