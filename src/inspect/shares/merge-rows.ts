/** Merges the tables of several threads into what one thread would have. */
import type { EndpointPart, FirstSeen, TunnelPart } from './survey-part.js';

/** Rows in the order in which one thread would have made them. */
function inOrder<T>(rows: Iterable<FirstSeen<T>>): FirstSeen<T>[] {
  // A packet makes up to two rows, in one thread and in order, and sorting keeps that order.
  return [...rows].sort((one, other) => one.first - other.first);
}

/** The tunnels of all threads. */
export function mergeTunnels(parts: Iterable<FirstSeen<TunnelPart>>): TunnelPart[] {
  const merged = new Map<string, { -readonly [Key in keyof TunnelPart]: TunnelPart[Key] }>();
  for (const { row } of inOrder(parts)) {
    const key = `${row.source} ${row.destination}`;
    const known = merged.get(key);
    if (known === undefined) {
      merged.set(key, { ...row });
      continue;
    }
    known.frames += row.frames;
    known.bytes += row.bytes;
    known.espPackets += row.espPackets;
    known.espBytes += row.espBytes;
    known.vnis = [...new Set([...known.vnis, ...row.vnis])];
  }
  return [...merged.values()];
}

/**
 * The endpoints of all threads.
 * @returns undefined if one sent from behind several VTEPs: only a thread that has all of its frames knows how often it
 *   moved, and where it was last
 */
export function mergeEndpoints(parts: Iterable<FirstSeen<EndpointPart>>): EndpointPart[] | undefined {
  const merged = new Map<string, { -readonly [Key in keyof EndpointPart]: EndpointPart[Key] }>();
  for (const { row } of inOrder(parts)) {
    if (row.moves > 0) return undefined;
    const key = `${row.vni} ${row.mac} ${row.ip ?? ''}`;
    const known = merged.get(key);
    if (known === undefined) {
      merged.set(key, { ...row });
      continue;
    }
    if (row.sentFrames > 0) {
      if (known.sentFrames > 0 && known.vtep !== row.vtep) return undefined;
      // What it sends says where it is, rather than what is sent to it.
      known.vtep = row.vtep;
    }
    known.sentFrames += row.sentFrames;
    known.sentBytes += row.sentBytes;
    known.receivedFrames += row.receivedFrames;
    known.receivedBytes += row.receivedBytes;
  }
  return [...merged.values()];
}
