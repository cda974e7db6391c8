/** One line per packet, in the style of tshark: number, time, addresses, protocol, length and details. */
import { dropReasonName, type UnderlayDecoder, Verdict } from '../dataplane/index.js';
import { linkTypeName } from '../capture/portable.js';
import { formatSpi } from '../ipsec/index.js';
import {
  ArpOperation,
  ArpView,
  checkArp,
  checkIcmp,
  checkIcmpv6,
  type Encapsulation,
  encapsulationName,
  EtherType,
  HeaderError,
  headerErrorText,
  formatIp,
  formatIpv4,
  formatMac,
  IcmpType,
  Icmpv6Type,
  Icmpv6View,
  IcmpView,
  IpProtocol,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  isLinkTypeKnown,
  Layer,
  type Layers,
  LinkType,
  TcpFlag,
  TcpView,
} from '../wire/index.js';
import { etherTypeName, ipProtocolName, llcName } from '../wire/index.js';

/** Addresses, protocol and details of a packet or frame. */
interface Description {
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
function addAddressesOfInvalidHeader(described: Description, bytes: Uint8Array, layers: Layers, end: number): void {
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
function describe(bytes: Uint8Array, layers: Layers, link: number, end: number): Description {
  const macs = link >= 0 && end >= link + 14;
  const described: Description = {
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

/** Metadata of a packet in the capture. */
export interface PacketLineContext {
  /** Packet number, from 1. */
  readonly number: number;
  /** Seconds since the first packet; NaN for a packet without a time. */
  readonly time: number;
  /** Length on the wire in bytes. */
  readonly length: number;
  /** Offset of its Ethernet header in the batch's bytes, or -1 for other link types. */
  readonly link: number;
  /**
   * Its link type.
   * @default 1 (Ethernet)
   */
  readonly linkType?: number;
  /**
   * Width of the address columns, shared by all lines of a capture: IPv6 addresses widen them for the lines that
   * follow.
   */
  readonly columns?: { width: number };
  /**
   * Whether to omit what a narrow window has no room for: the outer addresses of a packet with a frame, padding,
   * TCP's sequence number and window, and half of the digits of the time.
   * @default false
   */
  readonly brief?: boolean;
}

/** Width of an IPv4 address. */
export const ADDRESS_WIDTH = 15;

function encapsulationsOf({ depth, encapsulations }: UnderlayDecoder): string {
  const kinds = Array.from(encapsulations.subarray(0, depth), (kind) => encapsulationName(kind as Encapsulation));
  return kinds.join(', ');
}

/**
 * Formats the packet that the decoder processed last.
 * @param inner layers of its frame, if `decoder.vni` isn't -1
 */
export function packetLine(
  decoder: UnderlayDecoder,
  verdict: Verdict,
  inner: Layers,
  context: PacketLineContext,
): string {
  const { outer, outerBytes } = decoder;
  const reassembled = decoder.parts > 1;
  // A reassembled or decrypted packet no longer has a link layer.
  const link = reassembled || decoder.opened ? -1 : decoder.depth > 0 ? decoder.innerLink : context.link;
  const described = describe(outerBytes, outer, link, decoder.capturedEnd);
  let { protocol, info } = described;
  const { linkType = LinkType.Ethernet, columns = { width: ADDRESS_WIDTH } } = context;
  if (!isLinkTypeKnown(linkType)) [protocol, info] = [linkTypeName(linkType), 'not read'];
  if (decoder.vni >= 0) {
    const frame = describe(outerBytes, inner, decoder.frameOffset, Math.min(decoder.frameEnd, decoder.capturedEnd));
    protocol = 'VXLAN';
    info = `vni ${decoder.vni} ${frame.source} → ${frame.destination} ${frame.protocol} ${frame.info}`;
  }
  if (decoder.encrypted) {
    const inUdp = decoder.espInUdp ? ' in UDP' : '';
    const esp = `SPI=${formatSpi(decoder.spi)} seq=${decoder.sequence}${inUdp}`;
    if (!decoder.opened) [protocol, info] = ['ESP', esp];
    else info += ` [ESP ${esp}]`;
  }
  if (outer.lengthUnset) info += ' [IP length 0]';
  if (decoder.depth > 0) info += ` [in ${encapsulationsOf(decoder)}]`;
  if (reassembled) info += ` [of ${decoder.parts} fragments]`;
  if (verdict === Verdict.Held) info += ' [held]';
  if (verdict === Verdict.Dropped) {
    const fallen = decoder.heldDropped > 0 ? `, and ${decoder.heldDropped} held fragments` : '';
    info += ` [dropped: ${dropReasonName(decoder.reason)}${fallen}]`;
  }
  if (verdict === Verdict.Filtered) info += ' [filtered: another VNI]';
  const number = String(context.number).padStart(5);
  const time = (Number.isNaN(context.time) ? '' : context.time.toFixed(6)).padStart(11);
  if (context.brief === true) {
    const seconds = (Number.isNaN(context.time) ? '' : context.time.toFixed(3)).padStart(8);
    const outer = decoder.vni >= 0 ? '' : `${described.source} → ${described.destination} `;
    const name = decoder.vni >= 0 ? '' : `${protocol} `;
    const text = info.replace(/ seq=\d+ win=\d+/, '').trimEnd();
    return `${number} ${seconds} ${String(context.length).padStart(4)} ${outer}${name}${text}`;
  }
  columns.width = Math.max(columns.width, described.source.length, described.destination.length);
  const { width } = columns;
  const addresses = `${described.source.padStart(width)} → ${described.destination.padEnd(width)}`;
  return `${number} ${time} ${addresses} ${protocol.padEnd(6)} ${String(context.length).padStart(4)} ${info.trimEnd()}`;
}
