/** The flows of a selection as rows, the busiest ones if there are too many for a table. */
import { IpProtocol, ipProtocolName } from '../../../../src/wire/index.js';
import type { AddressNames } from '../../../../src/inspect/index.js';
import type { Selection } from '../../filter/selection.js';
import type { CaptureIndex } from '../../index/capture-index.js';
import type { FlowColumns } from '../../index/flow-columns.js';
import { sideAddress, sideText } from '../state/flow-side.js';

/** Most rows: those with the most bytes. */
export const MAX_ROWS = 10_000;

/** A flow, with what the selected packets of it sum up to. */
export interface FlowRow {
  readonly flow: number;
  /** -1 outside of networks. */
  readonly vni: number;
  /** With the identifier of ICMP: `ICMP id=7`. */
  readonly protocol: string;
  /** Address and port of the side that sent first. */
  readonly first: string;
  readonly second: string;
  /** Names of the addresses; empty without. */
  readonly firstName: string;
  readonly secondName: string;
  /** Sent by the first side, and by the second. */
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Seconds since the first packet of the capture; NaN without times. */
  readonly start: number;
  readonly seconds: number;
}

/**
 * Rows of the flows with selected packets, and the number of flows that have none for lack of room.
 * @param most rows: those with the most bytes
 */
export function flowRows(
  { tables: { flows } }: CaptureIndex,
  { totals }: Selection,
  names: AddressNames | undefined,
  most = MAX_ROWS,
): { readonly rows: readonly FlowRow[]; readonly more: number } {
  const { flowPackets, flowBytes, flowFirst, flowLast } = totals;
  const known = Math.min(flows.count, flowFirst.length);
  const ids: number[] = [];
  for (let id = 0; id < known; id++) if (flowPackets[2 * id] + flowPackets[2 * id + 1] > 0) ids.push(id);
  const bytesOf = (id: number): number => flowBytes[2 * id] + flowBytes[2 * id + 1];
  const rows = busiest(ids, bytesOf, most).map((flow): FlowRow => {
    const vni = flows.vni[flow];
    const first = sideAddress(flows, flow, 0);
    const second = sideAddress(flows, flow, 1);
    const nameOf = (address: string): string => names?.find(vni < 0 ? null : vni, address)?.text ?? '';
    return {
      flow,
      vni,
      protocol: protocolText(flows, flow),
      first: sideText(flows, flow, 0),
      second: sideText(flows, flow, 1),
      firstName: nameOf(first),
      secondName: nameOf(second),
      packetsSent: flowPackets[2 * flow],
      packetsReceived: flowPackets[2 * flow + 1],
      bytesSent: flowBytes[2 * flow],
      bytesReceived: flowBytes[2 * flow + 1],
      start: flowFirst[flow] / 1e9,
      seconds: (flowLast[flow] - flowFirst[flow]) / 1e9,
    };
  });
  return { rows, more: ids.length - rows.length };
}

/** At most some of the flows: those with the most bytes. Numbers are sorted natively, as a million with a function aren't. */
function busiest(ids: readonly number[], bytesOf: (id: number) => number, most: number): readonly number[] {
  if (ids.length <= most) return ids;
  const least = Float64Array.from(ids, bytesOf).sort()[ids.length - most];
  const more = ids.filter((id) => bytesOf(id) > least);
  const equal = ids.filter((id) => bytesOf(id) === least);
  return [...more, ...equal.slice(0, most - more.length)];
}

function protocolText({ protocol, port }: FlowColumns, flow: number): string {
  const name = ipProtocolName(protocol[flow]);
  const isIcmp = protocol[flow] === IpProtocol.Icmp || protocol[flow] === IpProtocol.Icmpv6;
  return isIcmp && port[2 * flow] !== 0 ? `${name} id=${port[2 * flow]}` : name;
}
