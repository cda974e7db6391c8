/**
 * Reads the rows of `bridge fdb` and `ip neigh`, the tables a node's kernel forwards frames and answers ARP from: as
 * text or JSON (`-j`), with or without `dev X`, as copied from a terminal, a mail or a forum. Values are text, as
 * printed.
 */
import { jsonDocuments, type JsonSyntaxError } from '../../text/json-text.js';
import { pastedLines, withoutWraps } from '../../text/pasted-text.js';

/** A row of `bridge fdb`. */
export interface FdbRowText {
  /** Line of the text, from 1; of JSON, the first line of its document. */
  readonly line: number;
  readonly mac: string;
  /** VTEP address: entries of the vxlan device (`self`) have one, those of the bridge (`master`) don't. */
  readonly dst: string | undefined;
  /** Interface name; empty if `show dev X` omitted it. */
  readonly device: string;
  readonly vni: string | undefined;
  /** Whether it is an entry of the device itself, and of the bridge. */
  readonly self: boolean;
  readonly master: boolean;
  /** Whether it never ages: `permanent` or `static`. */
  readonly permanent: boolean;
  /** Whether a program set it, though it may age. */
  readonly external: boolean;
}

/** A row of `ip neigh`. */
export interface NeighbourRowText {
  /** Line of the text, from 1; of JSON, the first line of its document. */
  readonly line: number;
  readonly ip: string;
  /** Undefined if it has none; empty if it is missing after `lladdr`. */
  readonly mac: string | undefined;
  /** Interface name; empty if `show dev X` omitted it. */
  readonly device: string;
  /** In capitals; empty if not shown. */
  readonly state: string;
}

/** Keywords of a row with their values; empty for keywords without a value. */
interface Row {
  readonly line: number;
  readonly first: string;
  readonly words: ReadonlyMap<string, string>;
}

/** Matches a MAC. */
export const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;
/** Matches MACs, including damaged ones. */
export const LIKE_MAC = /^[0-9a-f]{1,2}(?::[0-9a-f]{0,2}){2,5}$/i;
const LIKE_ADDRESS = /^(?=.*[.:])[0-9a-f.:]{2,45}$/i;
/** Keywords with a value, and keywords without. */
const FDB_NAMES = words('dev dst master vlan port vni src_vni via link-netnsid nhid used activity state');
const FDB_ALONE = words(
  'self router local permanent static stale extern_learn offload offloaded sticky added_by_user blackhole locked inactive active',
);
const NEIGH_NAMES = words('dev lladdr vlan used probes ref protocol nud');
const NEIGH_STATES = words('permanent reachable stale delay probe failed incomplete noarp none');
const NEIGH_ALONE = new Set([...NEIGH_STATES, ...words('router proxy extern_learn offload managed extern_valid')]);

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

/** An object of a JSON text, with the line of its document. */
interface JsonRow {
  readonly line: number;
  readonly row: Readonly<Record<string, unknown>>;
}

/** The objects of a JSON text; undefined if it isn't JSON, or the first mistake in it. */
function jsonRows(text: string): readonly JsonRow[] | JsonSyntaxError | undefined {
  if (!/^\s*[[{]/m.test(text)) return undefined;
  const documents = jsonDocuments(text);
  if ('what' in documents) return documents;
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

function isOneOf(value: unknown, known: ReadonlySet<string>): boolean {
  return typeof value === 'string' && known.has(value);
}

const NEVER_AGES = words('permanent static');
const EXTERNAL = words('extern_learn added_by_user');

/** The row of an object of `bridge -j fdb`; undefined if it is something else. */
export function fdbRowOf(row: Readonly<Record<string, unknown>>, line: number): FdbRowText | undefined {
  const { mac, dst, ifname, state, flags, master, vni } = row;
  if (typeof mac !== 'string' || mac === '') return undefined;
  const set: readonly unknown[] = Array.isArray(flags) ? flags : [];
  return {
    line,
    mac,
    dst: typeof dst === 'string' ? dst : undefined,
    device: textOf(ifname),
    vni: typeof vni === 'number' ? String(vni) : undefined,
    self: set.includes('self'),
    master: set.includes('master') || typeof master === 'string',
    permanent: isOneOf(state, NEVER_AGES),
    external: set.some((flag) => isOneOf(flag, EXTERNAL)),
  };
}

/** The row of an object of `ip -j neigh`; undefined if it is something else. */
export function neighbourRowOf(row: Readonly<Record<string, unknown>>, line: number): NeighbourRowText | undefined {
  const { dst, lladdr, dev, state } = row;
  if (typeof dst !== 'string' || !('lladdr' in row || 'state' in row) || 'mac' in row) return undefined;
  return {
    line,
    ip: dst,
    mac: typeof lladdr === 'string' ? lladdr : undefined,
    device: textOf(dev),
    state: textOf(Array.isArray(state) ? state[0] : state).toUpperCase(),
  };
}

/** The rows of one or more outputs of `bridge fdb show`, or the first mistake of its JSON. */
export function fdbRows(text: string): readonly FdbRowText[] | JsonSyntaxError {
  const objects = jsonRows(text);
  if (objects !== undefined) {
    return 'what' in objects ? objects : objects.flatMap(({ row, line }) => fdbRowOf(row, line) ?? []);
  }
  return [...fdbTextRows(text)];
}

/** The rows of the text form of `bridge fdb show`. */
export function* fdbTextRows(text: string): Generator<FdbRowText, void> {
  for (const { line, first, words: row } of rowsOf(text, (word) => LIKE_MAC.test(word), FDB_NAMES, FDB_ALONE)) {
    // A short IPv6 address looks like a truncated MAC.
    if (row.has('lladdr')) continue;
    yield {
      line,
      mac: first,
      dst: row.get('dst'),
      device: row.get('dev') ?? '',
      vni: row.get('vni'),
      self: row.has('self'),
      master: row.has('master'),
      permanent: row.has('permanent') || row.has('static'),
      external: [...EXTERNAL].some((word) => row.has(word)),
    };
  }
}

/** The rows of one or more outputs of `ip neigh`, or the first mistake of its JSON. */
export function neighbourRows(text: string): readonly NeighbourRowText[] | JsonSyntaxError {
  const objects = jsonRows(text);
  if (objects !== undefined) {
    return 'what' in objects ? objects : objects.flatMap(({ row, line }) => neighbourRowOf(row, line) ?? []);
  }
  return [...neighbourTextRows(text)];
}

/** The rows of the text form of `ip neigh`. */
export function* neighbourTextRows(text: string): Generator<NeighbourRowText, void> {
  const isFirst = (word: string): boolean => LIKE_ADDRESS.test(word) && !MAC.test(word);
  for (const { line, first, words: row } of rowsOf(text, isFirst, NEIGH_NAMES, NEIGH_ALONE)) {
    const state = [...row.keys()].find((word) => NEIGH_STATES.has(word)) ?? row.get('nud') ?? '';
    yield { line, ip: first, mac: row.get('lladdr'), device: row.get('dev') ?? '', state: state.toUpperCase() };
  }
}
