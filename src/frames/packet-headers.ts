/** The headers of one packet as properties. */
import { etherTypeName, ipProtocolName, llcName } from '../wire/index.js';
import {
  ETHERNET_HEADER_LEN,
  EtherType,
  formatIp,
  formatMac,
  HeaderError,
  headerErrorText,
  IpProtocol,
  Layer,
  Layers,
  LinkType,
  TCP_HEADER_LEN,
  TcpFlag,
  TcpView,
  walkLink,
} from '../wire/index.js';

/** Shared by all walks, none of which outlives a call. */
const layers = new Layers({ fromCapture: true });
const tcpView = new TcpView();

/** The fields of a TCP header (RFC 9293 section 3.1). */
export interface TcpFields {
  /** Sequence number, 0 to 4294967295. */
  readonly sequence: number;
  /** Acknowledgment number, 0 to 4294967295; meaningful if `ack` is set. */
  readonly acknowledgment: number;
  /** The window field, not scaled. */
  readonly window: number;
  /** No more data from the sender. */
  readonly fin: boolean;
  /** Synchronizes sequence numbers. */
  readonly syn: boolean;
  /** Resets the connection. */
  readonly rst: boolean;
  /** Push function. */
  readonly psh: boolean;
  /** The acknowledgment field is significant. */
  readonly ack: boolean;
  /** The urgent pointer is significant. */
  readonly urg: boolean;
  /** ECN echo (RFC 3168). */
  readonly ece: boolean;
  /** Congestion window reduced (RFC 3168). */
  readonly cwr: boolean;
}

/**
 * A packet's headers, from Ethernet or IP to the transport's ports. Fields that the packet doesn't have are undefined:
 * a header that is missing, damaged (`headerError`) or cut off by the capture.
 * @example
 * import { openOverlay } from 'vtep';
 *
 * for await (const { inner } of openOverlay('wire.pcap')) {
 *   const { source, sourcePort, destination, destinationPort, protocol } = inner;
 *   console.log(`${protocol} ${source}:${sourcePort} -> ${destination}:${destinationPort}`);
 * }
 */
export class PacketHeaders {
  /** The packet's captured bytes, from its first header on: a copy, which stays valid. */
  readonly bytes: Uint8Array;
  /** Source MAC address, such as `02:42:0a:00:09:03`. */
  readonly sourceMac: string | undefined;
  /** Destination MAC address. */
  readonly destinationMac: string | undefined;
  /** VLAN id of the outermost tag. */
  readonly vlanId: number | undefined;
  /** EtherType after any VLAN tags; 0 for an 802.3 frame without one. */
  readonly etherType: number;
  /** IP version. */
  readonly family: 4 | 6 | undefined;
  /** Source IP address as text. */
  readonly source: string | undefined;
  /** Destination IP address as text. */
  readonly destination: string | undefined;
  /** Protocol name: `TCP`, `UDP`, `ICMP`, `ICMPv6`, `ESP`; without IP that of the EtherType, such as `ARP`. */
  readonly protocol: string;
  /** IP protocol number, after any IPv6 extension headers. */
  readonly protocolNumber: number | undefined;
  /** TTL or hop limit. */
  readonly ttl: number | undefined;
  /** DSCP of the IP header, 0 to 63. */
  readonly dscp: number | undefined;
  /** ECN field of the IP header, 0 to 3. */
  readonly ecn: number | undefined;
  /** Whether this is an IP fragment; ports aren't read then. */
  readonly isFragment: boolean;
  /** TCP or UDP source port. */
  readonly sourcePort: number | undefined;
  /** TCP or UDP destination port. */
  readonly destinationPort: number | undefined;
  /** The TCP header's other fields. */
  readonly tcp: TcpFields | undefined;
  /** ICMP or ICMPv6 type and code. */
  readonly icmp: { readonly type: number; readonly code: number } | undefined;
  /**
   * Captured payload: of TCP and UDP what follows their header; of another IP protocol what follows the IP header; of other frames what follows
   * the Ethernet header. A part of `bytes`.
   */
  readonly payload: Uint8Array;
  /** Length of the payload on the wire in bytes: longer than `payload` if the capture truncated it. */
  readonly payloadLength: number;
  /** What is wrong with the first damaged header, if one is. */
  readonly headerError: string | undefined;

  /**
   * Parses the headers of a packet.
   * @param bytes the packet, from its link-layer header on; kept, not copied
   * @param linkType LINKTYPE_ value of tcpdump.org. Default: Ethernet
   * @param length length on the wire in bytes. Default: `bytes.length`
   */
  constructor(bytes: Uint8Array, linkType: number = LinkType.Ethernet, length: number = bytes.length) {
    this.bytes = bytes;
    const end = bytes.length;
    const limit = Math.max(length, end);
    const error = walkLink(layers, linkType, bytes, 0, end, limit);
    const ethernet = linkType === LinkType.Ethernet && end >= ETHERNET_HEADER_LEN;
    this.destinationMac = ethernet ? formatMac(bytes, 0) : undefined;
    this.sourceMac = ethernet ? formatMac(bytes, 6) : undefined;
    this.vlanId = layers.vlanId < 0 ? undefined : layers.vlanId;
    this.etherType = layers.etherType;
    this.headerError = error === HeaderError.None ? undefined : headerErrorText(error);
    const { family } = layers;
    const withIp = family === 4 || family === 6;
    this.family = withIp ? family : undefined;
    this.isFragment = withIp && layers.isFragment;
    const known = withIp && (error === HeaderError.None || layers.layer === Layer.Transport);
    this.protocolNumber = known ? layers.protocol : undefined;
    if (withIp) {
      const span = family === 4 ? 4 : 16;
      const ip = layers.networkOffset;
      this.source = formatIp(family, bytes, layers.addressOffset);
      this.destination = formatIp(family, bytes, layers.addressOffset + span);
      const tos = family === 4 ? bytes[ip + 1] : ((bytes[ip] << 4) | (bytes[ip + 1] >>> 4)) & 0xff;
      this.ttl = family === 4 ? bytes[ip + 8] : bytes[ip + 7];
      this.dscp = tos >>> 2;
      this.ecn = tos & 3;
      this.protocol = known ? ipProtocolName(layers.protocol) : `IPv${family}`;
    } else {
      this.source = undefined;
      this.destination = undefined;
      this.ttl = undefined;
      this.dscp = undefined;
      this.ecn = undefined;
      this.protocol = layers.llcOffset < 0 ? typeName(layers.etherType) : llcName(bytes, layers.llcOffset, end);
    }
    const at = layers.transportOffset;
    const { protocol, isFragment } = layers;
    const ported = protocol === IpProtocol.Tcp || protocol === IpProtocol.Udp;
    // Of a transport header that the capture cut off, what is there is shown.
    const readable = known && !isFragment && (error === HeaderError.None || error === HeaderError.Truncated);
    const captured = Math.min(end, layers.networkEnd);
    const ports = readable && ported && at + 4 <= captured;
    this.sourcePort = ports ? (bytes[at] << 8) | bytes[at + 1] : undefined;
    this.destinationPort = ports ? (bytes[at + 2] << 8) | bytes[at + 3] : undefined;
    const tcp = ports && protocol === IpProtocol.Tcp && at + TCP_HEADER_LEN <= captured;
    this.tcp = tcp ? tcpFields(bytes, at) : undefined;
    const icmp = protocol === IpProtocol.Icmp || protocol === IpProtocol.Icmpv6;
    this.icmp = readable && icmp && at + 2 <= captured ? { type: bytes[at], code: bytes[at + 1] } : undefined;
    let start = known ? at : error === HeaderError.None ? layers.networkOffset : limit;
    let stop = known ? layers.networkEnd : limit;
    if (tcp) {
      start = Math.min(stop, at + tcpView.wrap(bytes, at).headerLength);
    } else if (ports && protocol === IpProtocol.Udp && error === HeaderError.None) {
      start = layers.payloadOffset;
      stop = layers.payloadEnd;
    }
    const from = Math.min(start, end);
    this.payload = bytes.subarray(from, Math.max(from, Math.min(stop, end)));
    this.payloadLength = Math.max(0, stop - start);
  }
}

/** The name of an EtherType, with IP too: its header is damaged. */
function typeName(etherType: number): string {
  if (etherType === EtherType.Ipv4) return 'IPv4';
  return etherType === EtherType.Ipv6 ? 'IPv6' : etherTypeName(etherType);
}

function tcpFields(bytes: Uint8Array, offset: number): TcpFields {
  const tcp = tcpView.wrap(bytes, offset);
  const { flags } = tcp;
  return {
    sequence: tcp.sequence,
    acknowledgment: tcp.acknowledgment,
    window: tcp.window,
    fin: (flags & TcpFlag.Fin) !== 0,
    syn: (flags & TcpFlag.Syn) !== 0,
    rst: (flags & TcpFlag.Rst) !== 0,
    psh: (flags & TcpFlag.Psh) !== 0,
    ack: (flags & TcpFlag.Ack) !== 0,
    urg: (flags & TcpFlag.Urg) !== 0,
    ece: (flags & TcpFlag.Ece) !== 0,
    cwr: (flags & TcpFlag.Cwr) !== 0,
  };
}
