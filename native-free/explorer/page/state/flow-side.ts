/** Sides of flows as text. */
import { formatIp, IpProtocol } from '../../../../src/wire/index.js';
import type { FlowColumns } from '../../index/flow-columns.js';

/** The address of a side of a flow. @param side 0 for the one that sent first, 1 for the other */
export function sideAddress({ family, address }: FlowColumns, flow: number, side: number): string {
  return formatIp(family[flow], address, 16 * (2 * flow + side));
}

/** Whether a flow's numbers are ports: those of ICMP are its identifiers. */
function hasPorts({ protocol }: FlowColumns, flow: number): boolean {
  return protocol[flow] === IpProtocol.Tcp || protocol[flow] === IpProtocol.Udp;
}

/**
 * The address of a side of a flow, with its port where the protocol has ports.
 */
export function sideText(flows: FlowColumns, flow: number, side: number): string {
  const address = sideAddress(flows, flow, side);
  const port = flows.port[2 * flow + side];
  if (port === 0 || !hasPorts(flows, flow)) return address;
  return flows.family[flow] === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
