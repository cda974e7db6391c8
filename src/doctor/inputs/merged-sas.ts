/** SAs that several dumps of a node show. */
import type { XfrmSa } from '../evidence/kernel.js';

/** Keys of one SPI that an SA is compared with. */
const MOST_KEYS = 16;

/**
 * One entry for each SA: `ip xfrm state` and `ip -s xfrm state` show different parts of it. Of numbers that rise, the
 * higher one is the later.
 */
export function mergedSas(sas: readonly XfrmSa[]): XfrmSa[] {
  const merged: XfrmSa[] = [];
  /** Indices in `merged`. */
  const found = new Map<string, number[]>();
  for (const sa of sas) {
    const { place, spi, source, destination, protocol, mark, keyId } = sa;
    const key = `${place.namespace ?? ''} ${protocol} ${spi} ${source} ${destination} ${mark}`;
    const indices = found.get(key) ?? [];
    found.set(key, indices);
    // The same SPI with another key is another SA.
    const known = indices.slice(0, MOST_KEYS).find((index) => {
      const other = merged[index].keyId;
      return other === keyId || other === undefined || keyId === undefined;
    });
    if (known === undefined) indices.push(merged.push(sa) - 1);
    else merged[known] = mergedSa(merged[known], sa);
  }
  return merged;
}

function mergedSa(one: XfrmSa, other: XfrmSa): XfrmSa {
  return {
    ...one,
    mode: one.mode || other.mode,
    algorithm: one.algorithm || other.algorithm,
    icvBits: one.icvBits || other.icvBits,
    keyId: one.keyId ?? other.keyId,
    replayWindow: Math.max(one.replayWindow, other.replayWindow),
    esn: one.esn || other.esn,
    sent: Math.max(one.sent, other.sent),
    received: Math.max(one.received, other.received),
    bytes: Math.max(one.bytes, other.bytes),
    packets: Math.max(one.packets, other.packets),
    added: one.added || other.added,
    used: one.used || other.used,
    replayErrors: Math.max(one.replayErrors, other.replayErrors),
    integrityErrors: Math.max(one.integrityErrors, other.integrityErrors),
  };
}
