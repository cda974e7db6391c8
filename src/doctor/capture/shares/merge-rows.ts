/** Merges the rows that several threads made into those that one thread would have made. */
import type { Occurrence } from '../../evidence/capture.js';
import type { RetransmissionStorm, TcpTrace } from '../tcp-watch.js';
import type { WrongChecksums } from '../checksum-watch.js';
import type { FloodedFrames, ReservedBits } from '../header-watch.js';
import type { TunnelFrames } from '../tunnel-watch.js';
import { SHOWN } from './direction-columns.js';

/** The number of the first packet; Infinity if there is none. */
function firstOf({ packets }: Occurrence): number {
  return packets.at(0) ?? Number.POSITIVE_INFINITY;
}

/** Sorts rows by their first packets; those of one packet stay in their order. */
export function byFirst<T extends Occurrence>(rows: readonly T[]): T[] {
  return [...rows].sort((a, b) => compared(firstOf(a), firstOf(b)));
}

/** Sorts connections by what is odd about them first. */
export function tracesInOrder(traces: readonly TcpTrace[]): TcpTrace[] {
  const first = (trace: TcpTrace): number => Math.min(firstOf(trace.retransmissions), trace.cut?.packet ?? Infinity);
  return [...traces].sort((a, b) => compared(first(a), first(b)));
}

/** Sorts storms by when their connections began; both sides of one stay in their order. */
export function stormsInOrder(storms: readonly RetransmissionStorm[]): RetransmissionStorm[] {
  return [...storms].sort((a, b) => a.first - b.first);
}

function compared(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

/** Both occurrences as one. The times of packets must ascend. */
function joined(a: Occurrence, b: Occurrence): Occurrence {
  const [one, other] = firstOf(a) <= firstOf(b) ? [a, b] : [b, a];
  const last = [one.lastSeconds, other.lastSeconds].filter((seconds) => seconds !== undefined);
  return {
    count: one.count + other.count,
    packets: [...one.packets, ...other.packets].sort((x, y) => x - y).slice(0, SHOWN),
    firstSeconds: one.firstSeconds,
    lastSeconds: last.length === 0 ? undefined : Math.max(...last),
  };
}

/** Merges rows with the same name. */
function merged<T extends Occurrence>(
  rows: readonly T[],
  nameOf: (row: T) => string,
  join: (one: T, other: T) => Partial<T> = () => ({}),
): T[] {
  const known = new Map<string, T>();
  for (const row of byFirst(rows)) {
    const name = nameOf(row);
    const before = known.get(name);
    known.set(name, before === undefined ? row : { ...before, ...joined(before, row), ...join(before, row) });
  }
  return [...known.values()];
}

/** Frames by VTEPs and network. */
export function mergeFrames(rows: readonly TunnelFrames[]): TunnelFrames[] {
  return merged(
    rows,
    ({ source, destination, vni, encrypted }) => `${source} ${destination} ${vni} ${String(encrypted)}`,
    (one, other) => ({
      largest: Math.max(one.largest, other.largest),
      transports: {
        tcp: one.transports.tcp + other.transports.tcp,
        udp: one.transports.udp + other.transports.udp,
        icmp: one.transports.icmp + other.transports.icmp,
        other: one.transports.other + other.transports.other,
      },
    }),
  );
}

/** Wrong checksums; how many packets of their direction there are remains to be counted. */
export function mergeChecksums(rows: readonly WrongChecksums[]): WrongChecksums[] {
  return merged(
    rows,
    ({ source, destination, vni, kind }) => `${source} ${destination} ${vni} ${kind}`,
    (one, other) => ({ difference: one.difference === other.difference ? one.difference : undefined }),
  );
}

/** VXLAN headers with reserved bits. */
export function mergeReserved(rows: readonly ReservedBits[]): ReservedBits[] {
  return merged(rows, ({ source, destination, vni, flags }) => `${source} ${destination} ${vni} ${flags}`);
}

/** ARP, broadcast and multicast. */
export function mergeFlooded(rows: readonly FloodedFrames[]): FloodedFrames[] {
  return merged(rows, ({ source, destination, vni, kind }) => `${source} ${destination} ${vni} ${kind}`);
}
