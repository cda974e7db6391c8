/**
 * Parses `bridge fdb` and `ip neigh`, the tables a node's kernel forwards frames and answers ARP from: as text or JSON
 * (`-j`), with or without `dev X`, as copied from a terminal, a mail or a forum.
 */
import { jsonDocuments } from '../../text/json-text.js';
import { pastedLines, withoutWraps } from '../../text/pasted-text.js';
import { describeText } from '../../text/recognised-text.js';
import { quoted } from '../../text/plain-text.js';
import { parseMac, VtepError } from '../../wire/index.js';
import { OverlayError } from '../error.js';
import { parseIp } from '../prefix.js';

/** A forwarding entry of a device. */
export interface KernelFdbEntry {
  /** Line in the file, from 1. */
  readonly line: number;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** VTEP address: entries of the vxlan device (`self`) have one, those of the bridge (`master`) don't. */
  readonly destination: Uint8Array | undefined;
  /** Interface name; empty if `show dev X` omitted it. */
  readonly device: string;
  /** Whether it never ages: `permanent` or `static`. */
  readonly permanent: boolean;
}

/** A neighbour entry with a MAC. */
export interface KernelNeighbour {
  /** Line in the file, from 1. */
  readonly line: number;
  /** 4 or 16 bytes. */
  readonly ip: Uint8Array;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** Interface name; empty if `show dev X` omitted it. */
  readonly device: string;
}

/** Keywords of a row with their values; empty for keywords without a value. */
interface Row {
  readonly line: number;
  readonly first: string;
  readonly words: ReadonlyMap<string, string>;
}

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;
/** Matches MACs, including damaged ones. */
const LIKE_MAC = /^[0-9a-f]{1,2}(?::[0-9a-f]{0,2}){2,5}$/i;
const LIKE_ADDRESS = /^(?=.*[.:])[0-9a-f.:]{2,45}$/i;
/** Keywords with a value, and keywords without. */
const FDB_NAMES = words('dev dst master vlan port vni src_vni via link-netnsid nhid used activity state');
const FDB_ALONE = words(
  'self router local permanent static stale extern_learn offload offloaded sticky added_by_user blackhole locked inactive active',
);
const NEIGH_NAMES = words('dev lladdr vlan used probes ref protocol nud');
const NEIGH_ALONE = words(
  'permanent reachable stale delay probe failed incomplete noarp none router proxy extern_learn offload managed extern_valid',
);

function words(list: string): ReadonlySet<string> {
  return new Set(list.split(' '));
}

/** The rows of a text: lines whose first word satisfies `isFirst`. */
function* rowsOf(
  text: string,
  isFirst: (word: string) => boolean,
  names: ReadonlySet<string>,
  alone: ReadonlySet<string>,
): Generator<Row, void> {
  const begins = (line: string): boolean => isFirst(line.split(/\s/, 1)[0]);
  const isWord = (word: string): boolean => names.has(word) || alone.has(word.toLowerCase());
  for (const { number, text: line } of withoutWraps(pastedLines(text), { begins, isWord })) {
    const [first, ...rest] = line.split(/\s+/);
    if (!isFirst(first)) continue;
    const found = new Map<string, string>();
    for (let i = 0; i < rest.length; i++) {
      const word = rest[i];
      if (!names.has(word)) {
        found.set(word.toLowerCase(), '');
        continue;
      }
      // iproute2 4.19 prints `dev dev vxlan0`.
      if (rest.at(i + 1) === word) i++;
      if (!found.has(word)) found.set(word, rest.at(i + 1) ?? '');
      i++;
    }
    // A line of other output may also start with something like an address, but only a row has known keywords.
    if ([...found.keys()].some(isWord)) yield { line: number, first, words: found };
  }
}

/** Applies a parser to the text of a row; its errors get the line. */
function readAt<T>(line: number, reader: (text: string) => T, text: string): T {
  try {
    return reader(text);
  } catch (error) {
    if (!(error instanceof VtepError)) throw error;
    throw new OverlayError('BAD_IMPORT', `line ${line}: ${error.message}`, { cause: error });
  }
}

/** The objects of a JSON text, each with the line of its document; undefined if it isn't JSON. */
function jsonRows(
  text: string,
): readonly { readonly line: number; readonly row: Record<string, unknown> }[] | undefined {
  if (!/^\s*[[{]/m.test(text)) return undefined;
  const documents = jsonDocuments(text);
  if ('what' in documents) {
    throw new OverlayError('BAD_IMPORT', `line ${documents.line}: not JSON: ${documents.what}`);
  }
  if (documents.length === 0) return undefined;
  return documents.flatMap(({ value, line }) =>
    (Array.isArray(value) ? (value as unknown[]) : [value]).flatMap((row) =>
      typeof row === 'object' && row !== null ? [{ line, row: row as Record<string, unknown> }] : [],
    ),
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function refuse(text: string, command: string): never {
  const what = describeText(text);
  const like =
    what === undefined
      ? ''
      : what === 'an empty file'
        ? ': it is empty (omit it if the table is empty)'
        : `: it looks like ${what}`;
  throw new OverlayError('BAD_IMPORT', `no line is an entry of ${command}${like}`);
}

/**
 * Parses the output of one or more `bridge fdb show`. Other lines are ignored.
 * @throws OverlayError `BAD_IMPORT` with the line of an invalid address, or with what the text looks like if it has no
 * entry
 */
export function parseBridgeFdb(text: string): KernelFdbEntry[] {
  const objects = jsonRows(text);
  const rows =
    objects === undefined
      ? [...rowsOf(text, (word) => LIKE_MAC.test(word), FDB_NAMES, FDB_ALONE)]
          // A short IPv6 address looks like a truncated MAC.
          .filter((row) => !row.words.has('lladdr'))
          .map((row) => ({
            line: row.line,
            mac: row.first,
            dst: row.words.get('dst'),
            device: row.words.get('dev') ?? '',
            permanent: row.words.has('permanent') || row.words.has('static'),
          }))
      : objects.flatMap(({ line, row: { mac, dst, ifname, state } }) => ({
          line,
          mac: textOf(mac),
          dst: typeof dst === 'string' ? dst : undefined,
          device: textOf(ifname),
          permanent: state === 'permanent' || state === 'static',
        }));
  const entries = rows
    .filter(({ mac }) => mac !== '')
    .map(({ line, mac, dst, device, permanent }): KernelFdbEntry => ({
      line,
      mac: readAt(line, parseMac, mac),
      destination: dst === undefined ? undefined : readAt(line, parseIp, dst),
      device,
      permanent,
    }));
  return entries.length > 0 ? entries : refuse(text, 'bridge fdb show');
}

/**
 * Parses the output of one or more `ip neigh`. Other lines are ignored, and so are entries without an Ethernet MAC.
 * @throws OverlayError `BAD_IMPORT` with the line of an invalid address, or with what the text looks like if it has no
 * entry
 */
export function parseIpNeighbours(text: string): KernelNeighbour[] {
  const objects = jsonRows(text);
  const isFirst = (word: string): boolean => LIKE_ADDRESS.test(word) && !MAC.test(word);
  const rows =
    objects === undefined
      ? [...rowsOf(text, isFirst, NEIGH_NAMES, NEIGH_ALONE)].map((row) => ({
          line: row.line,
          ip: row.first,
          mac: row.words.get('lladdr'),
          device: row.words.get('dev') ?? '',
        }))
      : objects
          .filter(({ row }) => typeof row['dst'] === 'string' && ('lladdr' in row || 'state' in row) && !('mac' in row))
          .map(({ line, row: { dst, lladdr, dev } }) => ({
            line,
            ip: textOf(dst),
            mac: typeof lladdr === 'string' ? lladdr : undefined,
            device: textOf(dev),
          }));
  if (rows.length === 0) refuse(text, 'ip neigh');
  return rows.flatMap(({ line, ip, mac, device }) => {
    // Other kinds of devices have addresses of other lengths.
    if (mac === undefined || (!MAC.test(mac) && !LIKE_MAC.test(mac) && mac !== '')) return [];
    if (mac === '') throw new OverlayError('BAD_IMPORT', `line ${line}: ${quoted(ip)} has no MAC after lladdr`);
    return [{ line, ip: readAt(line, parseIp, ip), mac: readAt(line, parseMac, mac), device }];
  });
}
