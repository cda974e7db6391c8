/** Packets of an overlay for the tests of doctor, and captures of them as evidence. */
import {
  MemoryReader,
  openCapture,
  openCaptureFile,
  type PacketSource,
  PcapWriter,
} from '../../../src/capture/index.js';
import { CaptureExam, type CaptureExamOptions } from '../../../src/doctor/capture/index.js';
import type { CaptureEvidence } from '../../../src/doctor/evidence/capture.js';
import type { Evidence, NodeEvidence } from '../../../src/doctor/evidence/evidence.js';
import type { Diagnosis, Finding } from '../../../src/doctor/finding.js';
import {
  EtherType,
  ICMP_FRAGMENTATION_NEEDED,
  IcmpType,
  IPV4_HEADER_LEN,
  IpProtocol,
  onesSum,
  pseudoHeaderSum,
  TCP_HEADER_LEN,
  TcpFlag,
  tcpLayout,
  VXLAN_PORT,
  writeIpv4Checksum,
} from '../../../src/wire/index.js';
import { ethernet, ip, join, udpIp, vxlan } from '../../dataplane/build.js';
import { checkDiagnosis } from '../assert-finding.js';
import { fixture } from '../../repository.js';

/** VTEPs and endpoints of the tests. */
export const ONE = '192.168.50.1';
export const TWO = '192.168.50.2';
export const A = '10.0.9.3';
export const B = '10.0.9.4';
export const VNI = 4097;
/** When the captures begin: seconds since 1970. */
export const START = 1_700_000_000;

/** A packet with its time in seconds after `START`. */
export interface Timed {
  readonly at: number;
  readonly packet: Uint8Array;
}

const LETTERS: Readonly<Record<string, number>> = {
  S: TcpFlag.Syn,
  A: TcpFlag.Ack,
  F: TcpFlag.Fin,
  R: TcpFlag.Rst,
  P: TcpFlag.Psh,
};

/** The MAC address that Docker derives from an IPv4 address. */
export function macOf(address: string): string {
  const parts = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return `02:42:${parts.join(':')}`;
}

/** Sets DF, and the identification. */
export function withIp(packet: Uint8Array, at: number, { df = false, id = 0 }): Uint8Array {
  packet[at + 4] = id >>> 8;
  packet[at + 5] = id;
  if (df) packet[at + 6] |= 0x40;
  writeIpv4Checksum(packet, at);
  return packet;
}

let identification = 1;

/** An inner IPv4 packet as a frame between containers. */
export function inner(packet: Uint8Array, from = A, to = B, mac = macOf(from)): Uint8Array {
  return ethernet(withIp(packet, 0, { id: identification++ & 0xffff }), EtherType.Ipv4, mac, macOf(to));
}

/** A TCP segment as an IPv4 packet; the checksum is right, or off by `wrong`. */
export function tcp(options: {
  readonly from?: string;
  readonly to?: string;
  readonly ports?: readonly [number, number];
  readonly flags?: string;
  readonly sequence?: number;
  readonly acknowledgment?: number;
  readonly length?: number;
  readonly wrong?: number;
}): Uint8Array {
  const { from = A, to = B, ports = [40_000, 80], flags = 'A', sequence = 1, acknowledgment = 1, length = 0 } = options;
  const header = new Uint8Array(TCP_HEADER_LEN);
  const [sourcePort, destinationPort] = ports;
  tcpLayout.encode({ sourcePort, destinationPort, sequence, acknowledgment, dataOffset: 5, window: 1000 }, header);
  header[13] = flags.split('').reduce((bits, letter) => bits | LETTERS[letter], 0);
  const packet = ip(4, IpProtocol.Tcp, join(header, new Uint8Array(length).fill(sequence & 0xff)), from, to);
  const at = IPV4_HEADER_LEN;
  const pseudo = pseudoHeaderSum(4, packet, 12, IpProtocol.Tcp, packet.length - at);
  const sum = (~onesSum(packet, at, packet.length, pseudo) & 0xffff) ^ (options.wrong ?? 0);
  packet[at + 16] = sum >>> 8;
  packet[at + 17] = sum;
  return packet;
}

/** An ICMP message as an IPv4 packet. */
export function icmp(type: number, code: number, rest: Uint8Array, from = A, to = B): Uint8Array {
  const message = join(Uint8Array.of(type, code, 0, 0), rest);
  const sum = ~onesSum(message, 0, message.length) & 0xffff;
  message[2] = sum >>> 8;
  message[3] = sum;
  return ip(4, IpProtocol.Icmp, message, from, to);
}

/** An echo request or reply. */
export function echo(from = A, to = B, isReply = false, size = 40, sequence = 1): Uint8Array {
  const type = isReply ? IcmpType.EchoReply : IcmpType.EchoRequest;
  return icmp(type, 0, join(Uint8Array.of(0, 7, sequence >>> 8, sequence), new Uint8Array(size)), from, to);
}

/** "Fragmentation needed" about a packet, from a router. */
export function tooBig(about: Uint8Array, mtu: number, from: string, to: string): Uint8Array {
  const rest = join(Uint8Array.of(0, 0, mtu >>> 8, mtu), about.subarray(0, 28));
  return icmp(IcmpType.Unreachable, ICMP_FRAGMENTATION_NEEDED, rest, from, to);
}

/** A packet on the underlay, in Ethernet. */
export function onWire(packet: Uint8Array, { id = 0, df = false } = {}): Uint8Array {
  return ethernet(withIp(packet, 0, { id, df }), EtherType.Ipv4, '02:00:00:00:50:01', '02:00:00:00:50:02');
}

/** A frame in VXLAN from one VTEP to another. */
export function tunnelled(
  frame: Uint8Array,
  options: {
    readonly from?: string;
    readonly to?: string;
    readonly vni?: number;
    readonly port?: number;
    readonly flags?: number;
    readonly id?: number;
    readonly df?: boolean;
  } = {},
): Uint8Array {
  const { from = ONE, to = TWO, vni = VNI, port = VXLAN_PORT, flags = 8, id = 0, df = false } = options;
  return onWire(udpIp(4, port, vxlan(vni, frame, flags), 0, from, to), { id, df });
}

/** The same, of an inner packet from A's node to B's, or back. */
export function there(packet: Uint8Array): Uint8Array {
  return tunnelled(inner(packet));
}

export function back(packet: Uint8Array): Uint8Array {
  return tunnelled(inner(packet, B, A), { from: TWO, to: ONE });
}

/** ESP that nobody can decrypt: SPI, sequence number, IV. */
export function sealed(
  sequence: number,
  options: {
    readonly spi?: number;
    readonly from?: string;
    readonly to?: string;
    readonly iv?: number;
    readonly end?: number;
    readonly length?: number;
    readonly id?: number;
  } = {},
): Uint8Array {
  const { spi = 0x1000, from = ONE, to = TWO, iv = sequence, end = sequence * 7, length = 60, id = 0 } = options;
  const esp = new Uint8Array(length).fill(sequence & 0xff);
  const view = new DataView(esp.buffer);
  view.setUint32(0, spi);
  view.setUint32(4, sequence);
  view.setUint32(8, 0xabcd);
  view.setUint32(12, iv);
  view.setUint32(length - 4, end);
  return onWire(ip(4, IpProtocol.Esp, esp, from, to), { id });
}

/** Gossip over UDP. */
export function gossip(from = ONE, to = TWO, text = 'ping'): Uint8Array {
  const packet = udpIp(4, 7946, new TextEncoder().encode(`${text} ${from}`), 'right', from, to);
  return onWire(packet);
}

/** An IPv4 packet in Ethernet as fragments of at most `size` bytes each. */
export function fragments(packet: Uint8Array, size: number, id: number): Uint8Array[] {
  const header = packet.subarray(14, 14 + IPV4_HEADER_LEN);
  const payload = packet.subarray(14 + IPV4_HEADER_LEN);
  const step = (size - IPV4_HEADER_LEN) & ~7;
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < payload.length; offset += step) {
    const body = payload.subarray(offset, offset + step);
    const more = offset + step < payload.length;
    const part = join(packet.subarray(0, 14), header, body);
    const total = IPV4_HEADER_LEN + body.length;
    part.set([total >>> 8, total & 0xff, id >>> 8, id & 0xff], 16);
    part.set([((offset / 8) >>> 8) | (more ? 0x20 : 0), (offset / 8) & 0xff], 20);
    writeIpv4Checksum(part, 14);
    parts.push(part);
  }
  return parts;
}

/** Packets at equal distances, from `from` on. */
export function every(seconds: number, packets: readonly Uint8Array[], from = 0): Timed[] {
  return packets.map((packet, i) => ({ at: from + i * seconds, packet }));
}

/** A pcap file of packets, in the order of their times. */
export function pcapOf(packets: readonly Timed[], snaplen = 65_535): Uint8Array {
  const parts: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => parts.push(bytes.slice()), { nanoseconds: true });
  for (const { at, packet } of [...packets].sort((a, b) => a.at - b.at)) {
    const seconds = START + Math.floor(at);
    const nanoseconds = Math.round((at - Math.floor(at)) * 1e9);
    writer.write(packet, 0, Math.min(snaplen, packet.length), packet.length, seconds, nanoseconds);
  }
  writer.flush();
  return Buffer.concat(parts);
}

/** What doctor sees in a source. */
export async function examined(source: PacketSource, options: CaptureExamOptions = {}): Promise<CaptureEvidence> {
  const exam = new CaptureExam({ trace: true, ...options });
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) exam.addBatch(batch);
  await source.close();
  return exam.report(source);
}

/** What doctor sees in packets. */
export async function captured(packets: readonly Timed[], options: CaptureExamOptions = {}): Promise<CaptureEvidence> {
  return examined(await openCapture(new MemoryReader(pcapOf(packets))), options);
}

/** What doctor sees in a recording of fixtures/. */
export async function recorded(path: string, options: CaptureExamOptions = {}): Promise<CaptureEvidence> {
  return examined(await openCaptureFile(fixture(path)), options);
}

/** A node of which nothing but what is given was read. */
export function node(parts: Partial<NodeEvidence> = {}): NodeEvidence {
  return {
    name: '',
    addresses: [],
    captures: [],
    sas: [],
    has: new Set(),
    policies: [],
    xfrmCounters: [],
    links: [],
    fdb: [],
    neighbours: [],
    offloads: [],
    rules: [],
    connections: [],
    virtualServers: [],
    networks: [],
    services: [],
    engines: [],
    log: [],
    status: undefined,
    ...parts,
  };
}

/** Captures, each of a node of its own, and what else was read. */
export function evidenceOf(captures: readonly CaptureEvidence[], ...others: readonly NodeEvidence[]): Evidence {
  const nodes = captures.map((capture, i) => node({ name: `node${i + 1}`, captures: [capture] }));
  return { nodes: [...nodes, ...others], inputs: [], gossip: null };
}

/** What a finding says of evidence. Checks what every diagnosis has to have. */
export function found(finding: Finding, evidence: Evidence): Diagnosis[] {
  const diagnoses = [...finding.find(evidence)];
  for (const diagnosis of diagnoses) checkDiagnosis(finding, diagnosis);
  return diagnoses;
}

/** What a finding says of captures. */
export function diagnosed(finding: Finding, ...captures: readonly CaptureEvidence[]): Diagnosis[] {
  return found(finding, evidenceOf(captures));
}

/** What a finding says of the packets of one capture. */
export async function diagnosedIn(finding: Finding, packets: readonly Timed[]): Promise<Diagnosis[]> {
  return diagnosed(finding, await captured(packets));
}

/** Packet numbers that a diagnosis shows, all exhibits together. */
export function packetsOf({ exhibits }: Diagnosis): number[] {
  return exhibits.flatMap(({ places = [] }) => places.flatMap(({ packet }) => (packet === undefined ? [] : [packet])));
}
