/** The columns of the table of conversations: names to sort by, cells, and how much each is worth in little room. */
import { type ConversationReport, type ConversationSide, tcpFlagLetters } from '../../inspect/index.js';
import { type Column, compact, grouped, numbers, words } from '../table.js';
import { secondsText } from '../../text/quantity.js';

/** A column of the table of conversations. */
export interface FlowColumn {
  /** What `--sort` calls it. */
  readonly name: string;
  readonly column: Column;
  /** Columns are left out in the order of this number, the highest first; those of rank 0 are always shown. */
  readonly rank: number;
  /** Whether larger values come first. */
  readonly descending: boolean;
  /** What rows are sorted by; null comes last. */
  readonly value: (row: ConversationReport) => number | string | null;
  /** An empty text if the column says nothing about the row. */
  readonly cell: (row: ConversationReport, startSeconds: number) => string;
}

/** Seconds since 1970 of a report's time; NaN for null. */
export function secondsOf(time: string | null): number {
  return time === null ? Number.NaN : Date.parse(time) / 1000;
}

/** A name or an address, and its port: `my-web.3:80`, `10.0.9.3:80`, `[fd00:9::3]:80`. */
export function endText({ address, name, port }: ConversationSide): string {
  if (name !== undefined) return port === null ? name : `${name}:${port}`;
  if (port === null) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Addresses sort by number: each part padded. */
function endKey({ address, port }: ConversationSide): string {
  const parts = address.includes(':')
    ? address
    : address
        .split('.')
        .map((part) => part.padStart(3, '0'))
        .join('.');
  return `${parts} ${String(port ?? 0).padStart(5, '0')}`;
}

function count(value: number): string {
  return value === 0 ? '' : grouped(value);
}

function seconds(value: number | null): string {
  return value === null ? '' : secondsText(value);
}

function flagsText({ a, b }: ConversationReport): string {
  const [one, other] = [tcpFlagLetters(a.tcpFlags), tcpFlagLetters(b.tcpFlags)];
  return one === '' && other === '' ? '' : `${one || '-'}/${other || '-'}`;
}

/** In the order of the table. */
export const FLOW_COLUMNS: readonly FlowColumn[] = [
  {
    name: 'vni',
    column: numbers('VNI'),
    rank: 0,
    descending: false,
    value: ({ vni }) => vni,
    cell: ({ vni }) => (vni === null ? '' : String(vni)),
  },
  {
    name: 'protocol',
    column: words('proto'),
    rank: 0,
    descending: false,
    value: ({ protocol, protocolNumber }) => (protocol === 'other' ? `zz${protocolNumber}` : protocol),
    cell: ({ protocol, protocolNumber }) => (protocol === 'other' ? `IP ${protocolNumber}` : protocol),
  },
  {
    name: 'a',
    column: words('A'),
    rank: 0,
    descending: false,
    value: ({ a }) => endKey(a),
    cell: ({ a }) => endText(a),
  },
  {
    name: 'b',
    column: words('B'),
    rank: 0,
    descending: false,
    value: ({ b }) => endKey(b),
    cell: ({ b }) => endText(b),
  },
  {
    name: 'packets',
    column: numbers('packets'),
    rank: 5,
    descending: true,
    value: ({ packets }) => packets,
    cell: ({ packets }) => grouped(packets),
  },
  {
    name: 'bytes',
    column: numbers('bytes'),
    rank: 1,
    descending: true,
    value: ({ bytes }) => bytes,
    cell: ({ bytes }) => compact(bytes),
  },
  {
    name: 'bytes-a',
    column: numbers('A→B'),
    rank: 8,
    descending: true,
    value: ({ a }) => a.bytes,
    cell: ({ a }) => compact(a.bytes),
  },
  {
    name: 'bytes-b',
    column: numbers('B→A'),
    rank: 8,
    descending: true,
    value: ({ b }) => b.bytes,
    cell: ({ b }) => compact(b.bytes),
  },
  {
    name: 'start',
    column: numbers('start'),
    rank: 7,
    descending: false,
    value: ({ startTime }) => startTime,
    cell: ({ startTime }, startSeconds) =>
      startTime === null ? '' : Math.max(0, secondsOf(startTime) - startSeconds).toFixed(3),
  },
  {
    name: 'duration',
    column: numbers('time'),
    rank: 6,
    descending: true,
    value: ({ durationSeconds }) => durationSeconds,
    cell: ({ durationSeconds, startTime }) => (startTime === null ? '' : secondsText(durationSeconds)),
  },
  {
    name: 'rate',
    column: numbers('bit/s'),
    rank: 2,
    descending: true,
    value: ({ bitsPerSecond }) => bitsPerSecond,
    cell: ({ bitsPerSecond }) => (bitsPerSecond === null ? '' : compact(Math.round(bitsPerSecond))),
  },
  {
    name: 'rtt',
    column: numbers('RTT'),
    rank: 4,
    descending: true,
    value: ({ rttSeconds }) => rttSeconds,
    cell: ({ rttSeconds }) => seconds(rttSeconds),
  },
  {
    name: 'retransmissions',
    column: numbers('retr', { style: 'yellow' }),
    rank: 3,
    descending: true,
    value: ({ retransmissions }) => retransmissions,
    cell: ({ retransmissions }) => count(retransmissions),
  },
  {
    name: 'resets',
    column: numbers('RST', { style: 'yellow' }),
    rank: 3,
    descending: true,
    value: ({ resets }) => resets,
    cell: ({ resets }) => count(resets),
  },
  {
    name: 'zero-windows',
    column: numbers('win 0', { style: 'yellow' }),
    rank: 3,
    descending: true,
    value: ({ zeroWindows }) => zeroWindows,
    cell: ({ zeroWindows }) => count(zeroWindows),
  },
  {
    name: 'flags',
    column: words('flags'),
    rank: 9,
    descending: false,
    value: (row) => flagsText(row),
    cell: (row) => flagsText(row),
  },
];
