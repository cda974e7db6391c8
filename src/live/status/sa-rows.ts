/** The SAs of a node as a status shows them. */
import { formatSpi } from '../../ipsec/index.js';
import { formatAddress } from '../../overlay/index.js';
import type { LiveNode } from '../node/live-node.js';

const WORD = 2 ** 32;

/** An SA. */
export interface SaRow {
  readonly direction: 'in' | 'out';
  readonly spi: string;
  /** The peer's name; null if it is no node any more. */
  readonly peer: string | null;
  readonly address: string | null;
  readonly sequence: number;
  readonly packets: number;
  readonly bytes: number;
  /** Seconds. */
  readonly age: number;
  /** Until its sequence numbers run out; null if unknown. */
  readonly secondsLeft: number | null;
  readonly esn: boolean;
  /** Bytes. */
  readonly icv: number;
  /** Packets; of inbound ones. */
  readonly replayWindow?: number;
}

/**
 * A node's SAs, outbound ones first; undefined where a reader may pause.
 * @param now the node's clock, in seconds
 */
export function* saRows({ sas, tables }: Pick<LiveNode, 'sas' | 'tables'>, now: number): Generator<SaRow | undefined> {
  if (sas === undefined) return;
  for (let peer = 0; peer < tables.nodes.length; peer++) {
    const sa = sas.outbound(peer);
    if (sa === undefined) {
      yield undefined;
      continue;
    }
    const { spi, destination, sequenceHigh, sequenceLow, lifetime, esn, icvLength } = sa;
    yield {
      direction: 'out',
      spi: formatSpi(spi),
      peer: tables.nodes[peer]?.name ?? null,
      address: formatAddress(destination),
      sequence: sequenceHigh * WORD + (sequenceLow >>> 0),
      packets: lifetime.packets,
      bytes: lifetime.bytes,
      age: Math.max(0, Math.round(now - lifetime.created)),
      secondsLeft: roundedOrNull(sas.secondsLeft(peer)),
      esn,
      icv: icvLength,
    };
  }
  for (const { spi, source, window, lifetime, esn, icvLength } of sas.inbound) {
    yield {
      direction: 'in',
      spi: formatSpi(spi),
      peer: tables.nodes[tables.nodeOf(source.length === 4 ? 4 : 6, source, 0)]?.name ?? null,
      address: formatAddress(source),
      sequence: window.high * WORD + (window.low >>> 0),
      packets: lifetime.packets,
      bytes: lifetime.bytes,
      age: Math.max(0, Math.round(now - lifetime.created)),
      secondsLeft: null,
      esn,
      icv: icvLength,
      replayWindow: window.size,
    };
  }
}

function roundedOrNull(seconds: number | undefined): number | null {
  return seconds === undefined || !Number.isFinite(seconds) ? null : Math.round(seconds);
}
