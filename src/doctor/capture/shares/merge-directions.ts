/** Merges what several threads saw of directions inside networks. */
import { AddressPairs } from '../address-pairs.js';
import { EndpointWatch } from '../endpoint-watch.js';
import { type DirectionColumns, ENDS, SHOWN } from './direction-columns.js';

/** Bits of `DirectionColumns.ownedBy` of TCP, and then of DNS. */
const BITS = 3;
const TCP = (1 << BITS) - 1;

/** Every row of every part, in the order of their first packets. */
function inOrder(parts: readonly DirectionColumns[]): { readonly part: DirectionColumns; readonly row: number }[] {
  const rows = parts.flatMap((part) => Array.from({ length: part.rows }, (_, row) => ({ part, row })));
  const first = ({ part, row }: (typeof rows)[number]): number => part.packets[row * SHOWN];
  return rows.sort((a, b) => first(a) - first(b));
}

/** Whether more than one bit is set. */
function isSplit(bits: number): boolean {
  return (bits & (bits - 1)) !== 0;
}

/**
 * Merges directions whose senders didn't move.
 * @param tunnels ids of the directions between VTEPs, to which those of other threads are added
 * @param limit maximum number of pairs, less those outside of networks
 * @returns undefined if only one thread can tell what happened: endpoints moved, packets that depend on each other were examined
 *   by different ones, or there are too many
 */
export function mergeDirections(
  parts: readonly DirectionColumns[],
  tunnels: AddressPairs,
  limit: number,
): EndpointWatch | undefined {
  if (limit < 1) return undefined;
  const pairs = new AddressPairs(limit);
  const endpoints = new EndpointWatch(pairs, tunnels);
  const ownedBy = new Uint8Array(limit);
  const ids = new Map(
    parts.map((part) => [
      part,
      Array.from({ length: part.tunnels.length / ENDS }, (_, i) => tunnels.ofWords(part.tunnels, i * ENDS)),
    ]),
  );
  for (const { part, row } of inOrder(parts)) {
    const pair = pairs.ofWords(part.ends, row * ENDS);
    const tunnel = ids.get(part)?.[part.tunnel[row]] ?? -1;
    if (pair < 0 || tunnel < 0 || !endpoints.join(pair, tunnel, part, row)) return undefined;
    ownedBy[pair >> 1] |= part.ownedBy[row];
  }
  return ownedBy.some((bits) => isSplit(bits & TCP) || isSplit(bits >> BITS)) ? undefined : endpoints;
}
