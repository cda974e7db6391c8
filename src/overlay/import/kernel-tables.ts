/** Parses `bridge fdb` and `ip neigh`, the tables a node's kernel forwards frames and answers ARP from. */
import type { JsonSyntaxError } from '../../text/json-text.js';
import { describeText } from '../../text/recognised-text.js';
import { quoted } from '../../text/plain-text.js';
import { parseMac, VtepError } from '../../wire/index.js';
import { OverlayError } from '../error.js';
import { parseIp } from '../prefix.js';
import { fdbRows, LIKE_MAC, MAC, neighbourRows } from './kernel-rows.js';

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

/** Applies a parser to the text of a row; its errors get the line. */
function readAt<T>(line: number, reader: (text: string) => T, text: string): T {
  try {
    return reader(text);
  } catch (error) {
    if (!(error instanceof VtepError)) throw error;
    throw new OverlayError('BAD_IMPORT', `line ${line}: ${error.message}`, { cause: error });
  }
}

/** The rows. Throws for what is wrong with JSON. */
function checked<T>(rows: readonly T[] | JsonSyntaxError): readonly T[] {
  if (!('what' in rows)) return rows;
  throw new OverlayError('BAD_IMPORT', `line ${rows.line}: not JSON: ${rows.what}`);
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
  const entries = checked(fdbRows(text)).map(({ line, mac, dst, device, permanent }): KernelFdbEntry => ({
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
  const rows = checked(neighbourRows(text));
  if (rows.length === 0) refuse(text, 'ip neigh');
  return rows.flatMap(({ line, ip, mac, device }) => {
    // Other kinds of devices have addresses of other lengths.
    if (mac === undefined || (!MAC.test(mac) && !LIKE_MAC.test(mac) && mac !== '')) return [];
    if (mac === '') throw new OverlayError('BAD_IMPORT', `line ${line}: ${quoted(ip)} has no MAC after lladdr`);
    return [{ line, ip: readAt(line, parseIp, ip), mac: readAt(line, parseMac, mac), device }];
  });
}
