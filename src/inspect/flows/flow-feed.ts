/** Hands what the capture decoder found to a flow table and a time series. */
import { type UnderlayDecoder, Verdict } from '../../dataplane/index.js';
import {
  ETHERNET_HEADER_LEN,
  IPV6_FRAGMENT_HEADER_LEN,
  type Layers,
  LINUX_SLL2_HEADER_LEN,
  LINUX_SLL_HEADER_LEN,
  LinkType,
} from '../../wire/index.js';
import type { FlowTable } from './flow-table.js';

/** Takes packets of conversations: counts them, or records them for a survey of all files. */
export type FlowSink = Pick<FlowTable, 'add'>;

const LOOPBACK_HEADER_LEN = 4;

/**
 * Adds the packet that was decoded last: its inner frame, or the packet itself if it isn't overlay traffic. Fragments on
 * the underlay are added when they have been reassembled; ESP without keys, dropped and filtered packets aren't.
 * @param inner layers of the inner frame, if `decoder.vni` isn't -1
 * @param length bytes of the packet on the wire
 * @param seconds whole seconds of its time since 1970; NaN if it has none
 */
export function addFlow(
  table: FlowSink,
  decoder: UnderlayDecoder,
  verdict: Verdict,
  inner: Layers,
  linkType: number,
  length: number,
  seconds: number,
  nanoseconds: number,
): void {
  const { outerBytes, vni, capturedEnd } = decoder;
  if (vni >= 0) {
    const { frameOffset, frameEnd } = decoder;
    const end = Math.min(frameEnd, capturedEnd);
    table.add(vni, outerBytes, inner, end, frameEnd - frameOffset, seconds, nanoseconds);
  } else if (verdict === Verdict.Other) {
    const { outer, parts } = decoder;
    const bytes = parts === 1 ? length : fragmentedLength(outer, parts, linkType);
    table.add(-1, outerBytes, outer, capturedEnd, bytes, seconds, nanoseconds, parts);
  }
}

/** Bytes of the frames that a reassembled packet arrived in, each with the same headers and no padding. */
function fragmentedLength(layers: Layers, parts: number, linkType: number): number {
  const headers = layers.transportOffset - layers.networkOffset;
  const extra = layers.family === 6 ? IPV6_FRAGMENT_HEADER_LEN : 0;
  return layers.networkEnd - layers.transportOffset + parts * (linkHeaderLength(linkType) + headers + extra);
}

function linkHeaderLength(linkType: number): number {
  switch (linkType) {
    case LinkType.Ethernet:
      return ETHERNET_HEADER_LEN;
    case LinkType.LinuxSll:
      return LINUX_SLL_HEADER_LEN;
    case LinkType.LinuxSll2:
      return LINUX_SLL2_HEADER_LEN;
    case LinkType.Null:
    case LinkType.Loop:
      return LOOPBACK_HEADER_LEN;
    default:
      return 0;
  }
}
