/** What the columns of the index say about a packet, as text. */
import { dropReasonName, dropReasonText, Verdict } from '../../../../src/dataplane/index.js';
import { formatSpi } from '../../../../src/ipsec/index.js';
import type { CaptureIndex } from '../../index/capture-index.js';
import { FLOW_REVERSED, NO_FLOW, NO_ID, PacketMark, PacketProtocol } from '../../index/packet-columns.js';
import { sideText } from './flow-side.js';

/** A packet's row. Texts are empty for what it doesn't have. */
export interface PacketRow {
  /** From 1. */
  readonly number: number;
  /** Seconds since the first packet. */
  readonly time: string;
  /** Index of its network in the tables; undefined without. */
  readonly network: number | undefined;
  readonly vni: string;
  readonly outerSource: string;
  readonly outerDestination: string;
  /** `SPI seq`, or empty. */
  readonly esp: string;
  readonly innerSource: string;
  readonly innerDestination: string;
  readonly protocol: string;
  readonly length: number;
  /** Flags of TCP. */
  readonly flags: string;
  /** What is special about the packet: `fragment`, `bad checksum`. */
  readonly special: readonly string[];
  readonly verdict: Verdict;
  /** Name of the drop reason; empty if it wasn't dropped. */
  readonly reason: string;
  readonly reasonText: string;
}

const PROTOCOLS: Readonly<Record<PacketProtocol, string>> = {
  [PacketProtocol.Unknown]: '',
  [PacketProtocol.Arp]: 'ARP',
  [PacketProtocol.Ip]: 'IP',
  [PacketProtocol.Icmp]: 'ICMP',
  [PacketProtocol.Icmpv6]: 'ICMPv6',
  [PacketProtocol.Tcp]: 'TCP',
  [PacketProtocol.Udp]: 'UDP',
  [PacketProtocol.Dns]: 'DNS',
  [PacketProtocol.Esp]: 'ESP',
  [PacketProtocol.Gossip]: 'gossip',
};

const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const;

const MARKS: readonly (readonly [mark: number, text: string])[] = [
  [PacketMark.Fragment, 'fragment'],
  [PacketMark.Reassembled, 'reassembled'],
  [PacketMark.Truncated, 'truncated'],
  [PacketMark.BadChecksum, 'bad checksum'],
];

/**
 * The row of a packet.
 * @param packet number from 0, of a packet of the index
 */
export function packetRow(index: CaptureIndex, packet: number): PacketRow {
  const part = index.parts[packet >>> 16];
  const row = packet & 0xffff;
  const { tables } = index;
  const marks = part.marks[row];
  const network = part.network[row];
  const tunnel = part.tunnel[row];
  const sa = part.sa[row];
  const flow = part.flow[row];
  const reversed = (flow & FLOW_REVERSED) !== 0 ? 1 : 0;
  const flowId = flow & ~FLOW_REVERSED;
  const hasFlow = flow !== NO_FLOW && flowId < tables.flows.count;
  const verdict = part.verdict[row] as Verdict;
  const dropped = verdict === Verdict.Dropped;
  const time = part.time[row];
  // Without an inner frame, the flow is that of the packet itself.
  const source = hasFlow ? sideText(tables.flows, flowId, reversed) : '';
  const destination = hasFlow ? sideText(tables.flows, flowId, 1 - reversed) : '';
  const isInner = part.inner[row] > 0;
  const outer = tunnel < tables.tunnels.length ? tables.tunnels[tunnel] : undefined;
  const flags = TCP_FLAGS.filter((_, bit) => (part.tcpFlags[row] & (1 << bit)) !== 0);
  const special = MARKS.filter(([mark]) => (marks & mark) !== 0).map(([, text]) => text);
  return {
    number: packet + 1,
    time: Number.isNaN(time) ? '' : (time / 1e9).toFixed(6),
    network: network === NO_ID ? undefined : network,
    vni: network < tables.networks.length ? String(tables.networks[network]) : '',
    outerSource: !isInner && hasFlow ? source : (outer?.source ?? ''),
    outerDestination: !isInner && hasFlow ? destination : (outer?.destination ?? ''),
    esp: sa < tables.sas.length ? `${formatSpi(tables.sas[sa].spi)} ${part.sequence[row]}` : '',
    innerSource: isInner ? source : '',
    innerDestination: isInner ? destination : '',
    protocol: PROTOCOLS[part.protocol[row] as PacketProtocol],
    length: part.length[row],
    flags: flags.join(' '),
    special,
    verdict,
    reason: dropped ? dropReasonName(part.reason[row]) : '',
    reasonText: dropped ? dropReasonText(part.reason[row]) : '',
  };
}
