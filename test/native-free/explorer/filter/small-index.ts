/** An index of a few packets, column by column. */
import { Verdict, DropReason } from '../../../../src/dataplane/index.js';
import { parseIpv4, parseIpv6, TcpFlag } from '../../../../src/wire/index.js';
import type { CaptureIndex, IndexTables } from '../../../../native-free/explorer/index/capture-index.js';
import {
  FLOW_REVERSED,
  NO_FLOW,
  NO_ID,
  PacketMark,
  PacketPart,
  PacketProtocol,
} from '../../../../native-free/explorer/index/packet-columns.js';

interface FlowOf {
  readonly vni: number;
  readonly protocol: number;
  readonly a: string;
  readonly b: string;
  readonly ports: readonly [number, number];
}

const FLOWS: readonly FlowOf[] = [
  { vni: 4097, protocol: 6, a: '10.0.9.3', b: '10.0.9.4', ports: [40_000, 80] },
  { vni: 4098, protocol: 17, a: 'fd00::3', b: 'fd00::4', ports: [5000, 53] },
  { vni: -1, protocol: 17, a: '192.168.0.1', b: '192.168.0.2', ports: [7946, 7946] },
];

export const TABLES: IndexTables = {
  files: [{ name: 'wire.pcap', size: 1000, firstPacket: 0, damage: undefined, format: 'pcap' }],
  interfaces: [{ file: 0, name: undefined, linkType: 1 }],
  networks: [4097, 4098],
  tunnels: [
    { source: '192.168.0.1', destination: '192.168.0.2' },
    { source: '192.168.0.2', destination: '192.168.0.1' },
  ],
  sas: [{ spi: 0xc0ff_ee01, destination: '192.168.0.2', inUdp: false }],
  flows: {
    count: FLOWS.length,
    vni: Int32Array.from(FLOWS, ({ vni }) => vni),
    family: Uint8Array.from(FLOWS, ({ a }) => (a.includes(':') ? 6 : 4)),
    protocol: Uint8Array.from(FLOWS, ({ protocol }) => protocol),
    port: Uint16Array.from(FLOWS.flatMap(({ ports }) => ports)),
    address: addressesOf(FLOWS),
  },
  firstSeconds: 1_700_000_000,
  firstNanoseconds: 0,
  unlisted: 0,
};

function addressesOf(flows: readonly FlowOf[]): Uint8Array {
  const bytes = new Uint8Array(32 * flows.length);
  flows.forEach(({ a, b }, id) => {
    const parse = a.includes(':') ? parseIpv6 : parseIpv4;
    bytes.set(parse(a), 32 * id);
    bytes.set(parse(b), 32 * id + 16);
  });
  return bytes;
}

/** The packets: a SYN, its answer, DNS over IPv6 in ESP, gossip, ARP, and ESP with a wrong ICV. */
function packets(): PacketPart {
  const part = new PacketPart(16);
  const add = (columns: Partial<Record<keyof PacketPart, number>>): void => {
    const i = part.count++;
    part.flow[i] = NO_FLOW;
    part.network[i] = part.tunnel[i] = part.sa[i] = NO_ID;
    part.time[i] = i * 1e9;
    part.length[i] = part.captured[i] = 100 * (i + 1);
    part.verdict[i] = Verdict.Frame;
    for (const [name, value] of Object.entries(columns)) (part[name as 'flow'] as Uint32Array)[i] = value;
  };
  const tcp = { network: 0, protocol: PacketProtocol.Tcp, inner: 60 };
  add({ ...tcp, flow: 0, tunnel: 0, tcpFlags: TcpFlag.Syn });
  add({ ...tcp, flow: FLOW_REVERSED, tunnel: 1, tcpFlags: TcpFlag.Syn | TcpFlag.Ack });
  add({
    flow: 1,
    network: 1,
    tunnel: 0,
    sa: 0,
    inner: 90,
    sequence: 7,
    protocol: PacketProtocol.Dns,
    marks: PacketMark.Encrypted | PacketMark.Opened | PacketMark.Ipv6,
  });
  add({ flow: 2, tunnel: 0, protocol: PacketProtocol.Gossip, verdict: Verdict.Other });
  add({ network: 0, tunnel: 0, inner: 42, protocol: PacketProtocol.Arp, marks: PacketMark.Group });
  add({
    tunnel: 0,
    sa: 0,
    sequence: 8,
    protocol: PacketProtocol.Esp,
    marks: PacketMark.Encrypted,
    verdict: Verdict.Dropped,
    reason: DropReason.EspWrongIcv,
    time: Number.NaN,
  });
  return part;
}

export const INDEX: CaptureIndex = { packets: 6, parts: [packets()], tables: TABLES };
