/** The layers of a packet as nodes: link layer, IP, what IP carries. */
import {
  ARP_PACKET_LEN,
  arpLayout,
  ESP_HEADER_LEN,
  espLayout,
  ETHERNET_HEADER_LEN,
  ethernetLayout,
  etherTypeName,
  HeaderError,
  headerErrorText,
  ICMP_HEADER_LEN,
  icmpLayout,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  IpProtocol,
  ipProtocolName,
  ipv4Layout,
  ipv6Layout,
  isVlanTag,
  EtherType,
  type HeaderLayout,
  type Layers,
  LINUX_SLL2_HEADER_LEN,
  LINUX_SLL_HEADER_LEN,
  linuxSll2Layout,
  linuxSllLayout,
  LinkType,
  TCP_HEADER_LEN,
  tcpLayout,
  UDP_HEADER_LEN,
  udpLayout,
  VLAN_HEADER_LEN,
  vlanLayout,
  VXLAN_HEADER_LEN,
  vxlanLayout,
} from '../../../src/wire/index.js';
import { fieldNodes, type HeaderStyle, hex, summaryOf } from './header-node.js';
import type { PacketNode } from './packet-node.js';

/** Where headers are: bytes, their end, and which buffer of the packet they are in. */
export interface Located {
  readonly bytes: Uint8Array;
  /** Offset after the captured bytes. */
  readonly end: number;
  readonly buffer: number;
}

const MAX_VLAN_TAGS = 4;

/** Who sends to whom. */
function ends(field: (name: string) => string): string {
  return `${field('source')} → ${field('destination')}`;
}

const IP_STYLE: HeaderStyle = {
  summary: ends,
  values: {
    ihl: (words) => `${4 * words} bytes`,
    fragmentOffset: (units) => `${8 * units} bytes`,
    protocol: (number) => `${number} (${ipProtocolName(number)})`,
    nextHeader: (number) => `${number} (${ipProtocolName(number)})`,
    flowLabel: (label) => hex(label, 3),
  },
};

function styleOfIp(family: number): HeaderStyle {
  const name = family === 4 ? 'ip' : 'ipv6';
  return {
    ...IP_STYLE,
    filters: {
      source: (address) => `${name}.src == ${address}`,
      destination: (address) => `${name}.dst == ${address}`,
    },
  };
}

const TCP_FLAGS = ['syn', 'fin', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr'] as const;

function styleOfPorts(name: 'tcp' | 'udp'): HeaderStyle {
  return {
    summary: (field) => {
      const flags = TCP_FLAGS.filter((flag) => field(flag) === 'set').map((flag) => flag.toUpperCase());
      const ports = `${field('sourcePort')} → ${field('destinationPort')}`;
      return flags.length === 0 ? ports : `${ports} [${flags.join(', ')}]`;
    },
    values: { dataOffset: (words) => `${4 * words} bytes` },
    filters: {
      sourcePort: (port) => `${name}.srcport == ${port}`,
      destinationPort: (port) => `${name}.dstport == ${port}`,
    },
  };
}

const NETWORK_NAMES = new Map<number, string>([
  [EtherType.Ipv4, 'IPv4'],
  [EtherType.Ipv6, 'IPv6'],
  [EtherType.Arp, 'ARP'],
  [EtherType.Vlan, 'VLAN'],
]);

/** The name of what a link layer carries; undefined for a number that has none. */
function networkName(etherType: number): string | undefined {
  const name = NETWORK_NAMES.get(etherType) ?? etherTypeName(etherType);
  return name.startsWith('EtherType') ? undefined : name;
}

function etherTypeText(etherType: number): string {
  const name = networkName(etherType);
  return `${hex(etherType, 2)}${name === undefined ? '' : ` (${name})`}`;
}

const LINK_STYLE: HeaderStyle = { values: { etherType: etherTypeText, protocol: etherTypeText } };
const ETHERNET_STYLE: HeaderStyle = { ...LINK_STYLE, summary: ends };
const VLAN_STYLE: HeaderStyle = { ...LINK_STYLE, summary: (field) => field('vlanId') };

const ARP_STYLE: HeaderStyle = {
  values: { operation: (number) => `${number}${number === 1 ? ' (request)' : number === 2 ? ' (reply)' : ''}` },
  summary: (field) =>
    field('operation').startsWith('2')
      ? `${field('senderIp')} is at ${field('senderMac')}`
      : `who has ${field('targetIp')}, asks ${field('senderIp')}`,
};

const ICMP_STYLE: HeaderStyle = { summary: (field) => `type ${field('type')}, code ${field('code')}` };

const ESP_STYLE: HeaderStyle = {
  summary: (field) => `SPI ${field('spi')}, sequence ${field('sequence')}`,
  values: { spi: (spi) => hex(spi, 4) },
  filters: { spi: (spi) => `esp.spi == ${hex(Number(spi), 4)}`, sequence: (number) => `esp.sequence == ${number}` },
};

const VXLAN_STYLE: HeaderStyle = {
  summary: (field) => `VNI ${field('vni')}`,
  values: { flags: (flags) => hex(flags, 1) },
  filters: { vni: (vni) => `vni == ${vni}` },
};

/** A layer with its fields. */
export function layer(
  label: string,
  { buffer }: Located,
  from: number,
  to: number,
  children: readonly PacketNode[],
  value = '',
): PacketNode {
  return { label, value, buffer, from, to, children };
}

/** A header as a layer with its fields, and what comes after those that all headers of its kind have. */
function headerLayer<Shape extends object>(
  label: string,
  at: Located,
  [from, to]: readonly [from: number, to: number],
  layout: HeaderLayout<Shape>,
  style: HeaderStyle,
  more: readonly PacketNode[] = [],
): PacketNode {
  const fields = fieldNodes(layout, at.bytes, from, at.buffer, style);
  return layer(label, at, from, to, [...fields, ...more], summaryOf(layout, at.bytes, from, style));
}

/** A remark about what is wrong, on the bytes that it is about. */
export function fault(value: string, { buffer }: Located, from: number, to: number): PacketNode {
  return { label: 'Fault', value, buffer, from, to, fault: true, children: [] };
}

/** The bytes of a payload that no layer reads. */
function rest(label: string, at: Located, from: number, to: number): PacketNode[] {
  const end = Math.min(to, at.end);
  return end > from ? [layer(label, at, from, end, [], `${end - from} bytes`)] : [];
}

/** Ethernet and its tags. */
export function ethernetNodes(at: Located, offset: number): PacketNode[] {
  const { bytes, end } = at;
  if (offset + ETHERNET_HEADER_LEN > end) return [fault('shorter than an Ethernet header', at, offset, end)];
  const nodes = [headerLayer('Ethernet', at, [offset, offset + ETHERNET_HEADER_LEN], ethernetLayout, ETHERNET_STYLE)];
  let tag = offset + ETHERNET_HEADER_LEN;
  let { etherType } = ethernetLayout.decode(bytes, offset);
  for (let i = 0; i < MAX_VLAN_TAGS && isVlanTag(etherType) && tag + VLAN_HEADER_LEN <= end; i++) {
    nodes.push(headerLayer('VLAN', at, [tag, tag + VLAN_HEADER_LEN], vlanLayout, VLAN_STYLE));
    ({ etherType } = vlanLayout.decode(bytes, tag));
    tag += VLAN_HEADER_LEN;
  }
  return nodes;
}

/** The link layer of a captured packet. */
export function linkNodes(at: Located, linkType: number): PacketNode[] {
  const { end } = at;
  switch (linkType) {
    case LinkType.Ethernet:
      return ethernetNodes(at, 0);
    case LinkType.LinuxSll:
      if (end < LINUX_SLL_HEADER_LEN) return [];
      return [headerLayer('Linux cooked', at, [0, LINUX_SLL_HEADER_LEN], linuxSllLayout, LINK_STYLE)];
    case LinkType.LinuxSll2:
      if (end < LINUX_SLL2_HEADER_LEN) return [];
      return [headerLayer('Linux cooked v2', at, [0, LINUX_SLL2_HEADER_LEN], linuxSll2Layout, LINK_STYLE)];
    case LinkType.Null:
    case LinkType.Loop:
      return end < 4 ? [] : [layer('Loopback', at, 0, 4, [])];
    default:
      return [];
  }
}

/** IP, or what there is in its place, and the transport header. */
export function networkNodes(at: Located, layers: Layers): PacketNode[] {
  const nodes = [...ipNodes(at, layers)];
  if (layers.headerError !== HeaderError.None) {
    const text = `${headerErrorText(layers.headerError)}: no further layer can be read`;
    return [...nodes, fault(text, at, Math.min(layers.networkOffset, at.end), at.end)];
  }
  if (layers.family === 0) return nodes;
  if (layers.isFragment) {
    const what = layers.moreFragments ? 'more follow' : 'the last one';
    const value = `at ${layers.fragmentOffset}, ${what}`;
    const to = Math.min(layers.networkEnd, at.end);
    return [...nodes, layer('Fragment', at, Math.min(layers.transportOffset, to), to, [], value)];
  }
  return [...nodes, ...transportNodes(at, layers)];
}

function ipNodes(at: Located, layers: Layers): PacketNode[] {
  const { bytes, end } = at;
  const { networkOffset: from, etherType } = layers;
  if (etherType === EtherType.Arp) {
    if (from + ARP_PACKET_LEN > end) return [fault('shorter than an ARP packet', at, from, end)];
    return [headerLayer('ARP', at, [from, from + ARP_PACKET_LEN], arpLayout, ARP_STYLE)];
  }
  if (etherType === EtherType.Ipv4 && from + IPV4_HEADER_LEN <= end) {
    const to = Math.min(end, from + Math.max(IPV4_HEADER_LEN, 4 * (bytes[from] & 15)));
    const options = rest('Options', at, from + IPV4_HEADER_LEN, to);
    return [headerLayer('IPv4', at, [from, to], ipv4Layout, styleOfIp(4), options)];
  }
  if (etherType === EtherType.Ipv6 && from + IPV6_HEADER_LEN <= end) {
    const to = from + IPV6_HEADER_LEN;
    const extensions =
      layers.headerError === HeaderError.None ? rest('Extension headers', at, to, layers.transportOffset) : [];
    return [headerLayer('IPv6', at, [from, to], ipv6Layout, styleOfIp(6)), ...extensions];
  }
  return rest(networkName(etherType) ?? 'Payload', at, from, end);
}

function transportNodes(at: Located, layers: Layers): PacketNode[] {
  const { end } = at;
  const { protocol, transportOffset: from, payloadOffset, payloadEnd, networkEnd } = layers;
  const stop = Math.min(end, networkEnd);
  switch (protocol) {
    case IpProtocol.Udp:
      if (from + UDP_HEADER_LEN > end) return [fault('shorter than a UDP header', at, from, end)];
      return [
        headerLayer('UDP', at, [from, from + UDP_HEADER_LEN], udpLayout, styleOfPorts('udp')),
        ...rest('Payload', at, payloadOffset, payloadEnd),
      ];
    case IpProtocol.Tcp: {
      if (from + TCP_HEADER_LEN > end) return [fault('shorter than a TCP header', at, from, end)];
      const options = rest('Options', at, from + TCP_HEADER_LEN, payloadOffset);
      return [
        headerLayer('TCP', at, [from, Math.min(end, payloadOffset)], tcpLayout, styleOfPorts('tcp'), options),
        ...rest('Payload', at, payloadOffset, payloadEnd),
      ];
    }
    case IpProtocol.Icmp:
    case IpProtocol.Icmpv6:
      if (from + ICMP_HEADER_LEN > stop) return [fault('shorter than an ICMP header', at, from, stop)];
      return [
        headerLayer(ipProtocolName(protocol), at, [from, from + ICMP_HEADER_LEN], icmpLayout, ICMP_STYLE),
        ...rest('Payload', at, from + ICMP_HEADER_LEN, stop),
      ];
    case IpProtocol.Esp:
      return [];
    default:
      return rest(ipProtocolName(protocol), at, from, stop);
  }
}

/** The visible part of ESP. */
export function espNode(at: Located, offset: number, end: number, children: readonly PacketNode[]): PacketNode {
  const { bytes, buffer } = at;
  const to = Math.min(end, at.end);
  if (offset + ESP_HEADER_LEN > to) return fault('shorter than an ESP header', at, offset, to);
  const fields = fieldNodes(espLayout, bytes, offset, buffer, ESP_STYLE);
  const iv = rest('IV', at, offset + ESP_HEADER_LEN, Math.min(to, offset + ESP_HEADER_LEN + 8));
  const sealed = rest('Encrypted data and ICV', at, offset + ESP_HEADER_LEN + 8, to);
  const summary = summaryOf(espLayout, bytes, offset, ESP_STYLE);
  return layer('ESP', at, offset, to, [...children, ...fields, ...iv, ...sealed], summary);
}

/** The VXLAN header. */
export function vxlanNodes(at: Located, offset: number): PacketNode[] {
  const { end } = at;
  if (offset + VXLAN_HEADER_LEN > end) return [fault('shorter than a VXLAN header', at, offset, end)];
  return [headerLayer('VXLAN', at, [offset, offset + VXLAN_HEADER_LEN], vxlanLayout, VXLAN_STYLE)];
}
