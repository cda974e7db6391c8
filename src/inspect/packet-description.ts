/** What a packet or a frame is in words: addresses, protocol and details, as tshark's columns have them. */
import {
  ArpOperation,
  ArpView,
  checkArp,
  checkIcmp,
  checkIcmpv6,
  EtherType,
  etherTypeName,
  formatIp,
  formatIpv4,
  formatMac,
  HeaderError,
  headerErrorText,
  IcmpType,
  Icmpv6Type,
  Icmpv6View,
  IcmpView,
  IpProtocol,
  ipProtocolName,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  Layer,
  type Layers,
  llcName,
  TcpFlag,
  TcpView,
} from '../wire/index.js';

/** Addresses, protocol and details of a packet or frame. */
export interface PacketDescription {
  source: string;
  destination: string;
  protocol: string;
  info: string;
}

const TCP_FLAG_NAMES = Object.entries(TcpFlag).map(([name, bit]) => [name.toUpperCase(), bit] as const);

function describeArp(bytes: Uint8Array, offset: number, end: number): string {
  if (checkArp(bytes, offset, end) !== HeaderError.None) return 'not for IPv4 over Ethernet';
  const arp = new ArpView().wrap(bytes, offset);
  const target = formatIpv4(bytes, arp.targetIpOffset);
  const sender = formatIpv4(bytes, arp.senderIpOffset);
  if (arp.operation === ArpOperation.Request) return `who has ${target}? tell ${sender}`;
  return `${sender} is at ${formatMac(bytes, arp.senderMacOffset)}`;
}

function describeIcmp(bytes: Uint8Array, offset: number, end: number): string {
  if (checkIcmp(bytes, offset, end) !== HeaderError.None) return 'truncated';
  const icmp = new IcmpView().wrap(bytes, offset);
  switch (icmp.type) {
    case IcmpType.EchoRequest:
      return `echo request id=0x${icmp.identifier.toString(16).padStart(4, '0')} seq=${icmp.sequence}`;
    case IcmpType.EchoReply:
      return `echo reply id=0x${icmp.identifier.toString(16).padStart(4, '0')} seq=${icmp.sequence}`;
    case IcmpType.Unreachable:
      return icmp.code === 4 ? `fragmentation needed, MTU ${icmp.mtu}` : `unreachable code=${icmp.code}`;
    case IcmpType.TimeExceeded:
      return 'time exceeded';
    default:
      return `type=${icmp.type} code=${icmp.code}`;
  }
}

function describeIcmpv6(bytes: Uint8Array, offset: number, end: number): string {
  if (checkIcmpv6(bytes, offset, end) !== HeaderError.None) return 'truncated';
  const icmp = new Icmpv6View().wrap(bytes, offset);
  switch (icmp.type) {
    case Icmpv6Type.EchoRequest:
      return `echo request id=0x${icmp.identifier.toString(16).padStart(4, '0')} seq=${icmp.sequence}`;
    case Icmpv6Type.EchoReply:
      return `echo reply id=0x${icmp.identifier.toString(16).padStart(4, '0')} seq=${icmp.sequence}`;
    case Icmpv6Type.PacketTooBig:
      return `packet too big, MTU ${icmp.mtu}`;
    case Icmpv6Type.NeighbourSolicitation:
      return `who has ${formatIp(6, bytes, icmp.targetOffset)}?`;
    case Icmpv6Type.NeighbourAdvertisement:
      return `${formatIp(6, bytes, icmp.targetOffset)} is here`;
    default:
      return `type=${icmp.type} code=${icmp.code}`;
  }
}

/** A name in parentheses, unless it is only a number. */
function named(name: string, numbered: string): string {
  return name.startsWith(numbered) ? '' : ` (${name})`;
}

function describeTransport(bytes: Uint8Array, layers: Layers, end: number): [protocol: string, info: string] {
  const at = layers.transportOffset;
  const stop = Math.min(end, layers.networkEnd);
  switch (layers.protocol) {
    case IpProtocol.Udp:
      return [
        'UDP',
        `${layers.sourcePort} → ${layers.destinationPort} len=${layers.payloadEnd - layers.payloadOffset}`,
      ];
    case IpProtocol.Tcp: {
      const tcp = new TcpView().wrap(bytes, at);
      const flags = TCP_FLAG_NAMES.filter(([, bit]) => (tcp.flags & bit) !== 0).map(([name]) => name);
      const length = layers.payloadEnd - layers.payloadOffset;
      const ports = `${layers.sourcePort} → ${layers.destinationPort}`;
      return ['TCP', `${ports} [${flags.join(', ')}] seq=${tcp.sequence} win=${tcp.window} len=${length}`];
    }
    case IpProtocol.Icmp:
      return ['ICMP', describeIcmp(bytes, at, stop)];
    case IpProtocol.Icmpv6:
      return ['ICMPv6', describeIcmpv6(bytes, at, stop)];
    case IpProtocol.Esp:
      return ['ESP', ''];
    default:
      return [`IPv${layers.family}`, `protocol ${layers.protocol}${named(ipProtocolName(layers.protocol), 'IP ')}`];
  }
}

/** Adds the addresses of an IP packet whose header is invalid elsewhere. */
function addAddressesOfInvalidHeader(
  described: PacketDescription,
  bytes: Uint8Array,
  layers: Layers,
  end: number,
): void {
  const at = layers.networkOffset;
  if (layers.etherType === EtherType.Ipv4 && at + IPV4_HEADER_LEN <= end && bytes[at] >>> 4 === 4) {
    described.source = formatIp(4, bytes, at + 12);
    described.destination = formatIp(4, bytes, at + 16);
    described.protocol = 'IPv4';
  } else if (layers.etherType === EtherType.Ipv6 && at + IPV6_HEADER_LEN <= end && bytes[at] >>> 4 === 6) {
    described.source = formatIp(6, bytes, at + 8);
    described.destination = formatIp(6, bytes, at + 24);
    described.protocol = 'IPv6';
  }
}

/**
 * Describes a parsed packet or frame.
 * @param link offset of the Ethernet header, or -1
 * @param end offset after the captured bytes
 */
export function describePacket(bytes: Uint8Array, layers: Layers, link: number, end: number): PacketDescription {
  const macs = link >= 0 && end >= link + 14;
  const described: PacketDescription = {
    source: macs ? formatMac(bytes, link + 6) : '-',
    destination: macs ? formatMac(bytes, link) : '-',
    protocol: 'Ethernet',
    info: '',
  };
  if (layers.family !== 0) {
    const span = layers.family === 4 ? 4 : 16;
    described.source = formatIp(layers.family, bytes, layers.addressOffset);
    described.destination = formatIp(layers.family, bytes, layers.addressOffset + span);
    described.protocol = `IPv${layers.family}`;
  }
  if (layers.headerError !== HeaderError.None) {
    described.info = headerErrorText(layers.headerError);
    if (layers.layer === Layer.Network) addAddressesOfInvalidHeader(described, bytes, layers, end);
  } else if (layers.family === 0) {
    if (layers.etherType === EtherType.Arp) {
      described.protocol = 'ARP';
      described.info = describeArp(bytes, layers.networkOffset, end);
    } else if (layers.llcOffset >= 0) {
      described.protocol = 'LLC';
      described.info = llcName(bytes, layers.llcOffset, end);
    } else {
      const number = layers.etherType.toString(16).padStart(4, '0');
      described.info = `EtherType 0x${number}${named(etherTypeName(layers.etherType), 'EtherType ')}`;
    }
  } else if (layers.isFragment) {
    const id = layers.identification.toString(16).padStart(layers.family === 4 ? 4 : 8, '0');
    const more = layers.moreFragments ? ' more' : ' last';
    described.info = `fragment id=0x${id} off=${layers.fragmentOffset}${more}`;
  } else {
    [described.protocol, described.info] = describeTransport(bytes, layers, end);
  }
  if (layers.vlanTags > 0) described.info = `vlan ${layers.vlanId} ${described.info}`;
  return described;
}
