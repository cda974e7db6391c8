/** Copies and joins parts of the packets' columns. */
import { PacketPart } from './packet-columns.js';

type Column = keyof Omit<PacketPart, 'count' | 'capacity'>;

/** The names of the columns. */
export const PACKET_COLUMNS = [
  'position',
  'time',
  'captured',
  'length',
  'flow',
  'sequence',
  'network',
  'tunnel',
  'sa',
  'inner',
  'interface',
  'marks',
  'file',
  'verdict',
  'reason',
  'protocol',
  'tcpFlags',
] as const satisfies readonly Column[];

/** Copies rows of a part into another one, after its own. */
export function appendRows(into: PacketPart, from: PacketPart, start: number, end: number): void {
  const at = into.count;
  for (const name of PACKET_COLUMNS) into[name].set(from[name].subarray(start, end), at);
  into.count = at + end - start;
}

/** A copy of the rows of a part, no larger than they are. */
export function slicedPart(part: PacketPart, start: number, end: number): PacketPart {
  const sliced = new PacketPart(end - start);
  appendRows(sliced, part, start, end);
  return sliced;
}

/** The buffers of a part, to transfer them to another thread. */
export function buffersOf(part: PacketPart): ArrayBufferLike[] {
  return PACKET_COLUMNS.map((name) => part[name].buffer);
}
