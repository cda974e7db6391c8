/** What of a capture's bytes are containers' frames, and what the overlay adds to them. */
import type { SurveyReport } from '../inspect/index.js';

/** Lengths of link-layer headers in bytes; 0 for those that aren't listed. */
const LINK_BYTES = new Map([
  ['EN10MB', 14],
  ['LINUX_SLL', 16],
  ['LINUX_SLL2', 20],
  ['NULL', 4],
  ['LOOP', 4],
]);
/** Headers of UDP and VXLAN. */
const TUNNEL_BYTES = 16;

/** A capture's bytes on the wire, divided. */
export interface Overhead {
  /** Inner frames, clear or decrypted, and their bytes. */
  readonly frames: number;
  readonly inner: number;
  /** Bytes of headers outside the frames, with ESP if `esp` is null. */
  readonly headers: number;
  /** Bytes that ESP adds: header, IV, padding, trailer and ICV; null if the capture doesn't say. */
  readonly esp: number | null;
  /** Bytes of ESP packets that weren't decrypted. */
  readonly sealed: number;
  /** Bytes of traffic outside the overlay. */
  readonly other: number;
  /** Packets whose bytes are among the headers, although they are something else: dropped, incomplete or filtered. */
  readonly uncertain: number;
}

/** Bytes of ESP around decrypted frames; null if it can't be told from what else was sent between the same nodes. */
function espBytes(tunnels: SurveyReport['tunnels']): number | null {
  let sum = 0;
  for (const { source, frames, bytes, espPackets, espBytes: sealed } of tunnels) {
    if (espPackets === 0 || frames === 0) continue;
    if (frames !== espPackets) return null;
    const ip = source.includes(':') ? 40 : 20;
    sum += Math.max(0, sealed - bytes - frames * (ip + TUNNEL_BYTES));
  }
  return sum;
}

/** Divides a capture's bytes. */
export function overheadOf(report: SurveyReport): Overhead {
  const { networks, esp: spis, otherTraffic, tunnels, linkTypes, accounting, bytes, frames } = report;
  const inner = networks.reduce((sum, network) => sum + network.bytes, 0);
  const other = otherTraffic.reduce((sum, row) => sum + row.bytes, 0);
  const link = linkTypes.length === 1 ? (LINK_BYTES.get(linkTypes[0]) ?? 0) : 0;
  const sealed = spis.reduce((sum, { packets, opened, bytes: size }) => {
    const closed = packets - opened;
    return packets === 0 ? sum : sum + (size * closed) / packets + closed * link;
  }, 0);
  const added = Math.max(0, bytes - inner - other - Math.round(sealed));
  const esp = espBytes(tunnels);
  const known = esp === null || esp > added ? null : esp;
  const dropped = sumOf([accounting.dropped]);
  // ESP that wasn't decrypted is counted as such.
  const failed = sumOf(spis.map((row) => row.failed));
  return {
    frames,
    inner,
    headers: added - (known ?? 0),
    esp: known,
    sealed: Math.round(sealed),
    other,
    uncertain: Math.max(0, dropped - failed) + accounting.held + accounting.filtered,
  };
}

function sumOf(counts: readonly Readonly<Record<string, number>>[]): number {
  return counts.flatMap((each) => Object.values(each)).reduce((sum, count) => sum + count, 0);
}
