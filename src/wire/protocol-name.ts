/** Names of packets that aren't overlay traffic: by EtherType, LLC, IP protocol or well-known port. */
import { EtherType } from './ether-type.js';
import { IpProtocol } from './ip-protocol.js';
import type { Layers } from './layers.js';
import { isSnap, Sap, snapOui, snapProtocol } from './llc.js';

const ETHER_TYPES: Readonly<Record<number, string>> = {
  [EtherType.Arp]: 'ARP',
  0x0842: 'Wake-on-LAN',
  0x22ea: 'SRP',
  0x22f0: 'AVTP',
  0x6002: 'DEC MOP',
  [EtherType.Bridging]: 'bridged Ethernet',
  0x8035: 'RARP',
  0x8137: 'IPX',
  [EtherType.Mpls]: 'MPLS',
  [EtherType.MplsMulticast]: 'MPLS',
  0x8863: 'PPPoE discovery',
  [EtherType.PppoeSession]: 'PPPoE',
  0x888e: 'EAPOL (802.1X)',
  0x8892: 'PROFINET',
  0x8899: 'Realtek loop detection',
  0x88a4: 'EtherCAT',
  0x8809: 'LACP and other slow protocols',
  0x88cc: 'LLDP',
  0x88e5: 'MACsec',
  0x88f7: 'PTP',
  0x8902: 'CFM',
  0x8906: 'FCoE',
  0x8915: 'RoCE',
  [EtherType.Nsh]: 'NSH',
  0x9000: 'Ethernet loopback test',
};

const IP_PROTOCOLS: Readonly<Record<number, string>> = {
  [IpProtocol.HopByHop]: 'hop-by-hop options',
  [IpProtocol.Icmp]: 'ICMP',
  2: 'IGMP',
  [IpProtocol.Ipip]: 'IP in IP',
  [IpProtocol.Tcp]: 'TCP',
  8: 'EGP',
  9: 'IGRP',
  [IpProtocol.Udp]: 'UDP',
  33: 'DCCP',
  [IpProtocol.Ipv6]: 'IPv6 in IP',
  46: 'RSVP',
  [IpProtocol.Gre]: 'GRE',
  [IpProtocol.Esp]: 'ESP',
  [IpProtocol.Ah]: 'AH',
  [IpProtocol.Icmpv6]: 'ICMPv6',
  [IpProtocol.NoNext]: 'no next header',
  88: 'EIGRP',
  89: 'OSPF',
  94: 'IP in IP (94)',
  97: 'EtherIP',
  103: 'PIM',
  108: 'IPComp',
  112: 'VRRP',
  115: 'L2TPv3',
  [IpProtocol.Sctp]: 'SCTP',
  136: 'UDP-Lite',
  [IpProtocol.MplsInIp]: 'MPLS in IP',
};

const UDP_PORTS: Readonly<Record<number, string>> = {
  67: 'DHCP',
  68: 'DHCP',
  69: 'TFTP',
  123: 'NTP',
  137: 'NetBIOS',
  138: 'NetBIOS',
  161: 'SNMP',
  162: 'SNMP',
  443: 'QUIC',
  500: 'IKE',
  514: 'syslog',
  520: 'RIP',
  546: 'DHCPv6',
  547: 'DHCPv6',
  1194: 'OpenVPN',
  1701: 'L2TP',
  1812: 'RADIUS',
  1813: 'RADIUS',
  1900: 'SSDP',
  2152: 'GTP-U',
  3478: 'STUN',
  3784: 'BFD',
  3785: 'BFD',
  4500: 'IPsec NAT traversal',
  4739: 'IPFIX',
  4754: 'GRE in UDP',
  4789: 'VXLAN',
  4790: 'VXLAN-GPE',
  4791: 'RoCEv2',
  5353: 'mDNS',
  5355: 'LLMNR',
  6081: 'Geneve',
  6343: 'sFlow',
  6635: 'MPLS in UDP',
  7946: 'Swarm gossip',
  8472: 'VXLAN of Linux, flannel and Cilium',
  8285: 'flannel',
  51820: 'WireGuard',
};

const TCP_PORTS: Readonly<Record<number, string>> = {
  22: 'SSH',
  179: 'BGP',
  646: 'LDP',
  1723: 'PPTP',
  2375: 'Docker API',
  2376: 'Docker API',
  2377: 'Swarm management',
  2379: 'etcd',
  2380: 'etcd',
  6443: 'Kubernetes API',
  6640: 'OVSDB',
  6653: 'OpenFlow',
  7946: 'Swarm gossip',
};

const SAPS: Readonly<Record<number, string>> = {
  [Sap.Stp]: 'STP',
  [Sap.Ip]: 'IP over LLC',
  [Sap.Ipx]: 'IPX',
  [Sap.NetBios]: 'NetBIOS',
  [Sap.Osi]: 'IS-IS and other OSI protocols',
  [Sap.Global]: 'IPX',
};

const CISCO = 0x00000c;
const CISCO_PROTOCOLS: Readonly<Record<number, string>> = {
  0x0104: 'PAgP',
  0x010b: 'PVST+',
  0x0111: 'UDLD',
  0x2000: 'CDP',
  0x2003: 'VTP',
  0x2004: 'DTP',
};

const DNS = 53;
const ESP_IN_UDP = 4500;
/** Ports below this are system ports (RFC 6335 section 6). */
const FIRST_USER_PORT = 1024;
const KEEPALIVE = 0xff;

/** An EtherType's name, or its number. */
export function etherTypeName(etherType: number): string {
  return ETHER_TYPES[etherType] ?? `EtherType 0x${etherType.toString(16).padStart(4, '0')}`;
}

/** An IP protocol's name, or its number. */
export function ipProtocolName(protocol: number): string {
  return IP_PROTOCOLS[protocol] ?? `IP protocol ${protocol}`;
}

/**
 * Names the content of an 802.3 frame.
 * @param offset offset of its LLC header
 * @param end offset after the captured bytes
 */
export function llcName(bytes: Uint8Array, offset: number, end: number): string {
  if (offset + 3 > end) return '802.3';
  if (!isSnap(bytes, offset, end)) return SAPS[bytes[offset]] ?? '802.3/LLC';
  const protocol = snapProtocol(bytes, offset);
  const oui = snapOui(bytes, offset);
  if (oui === 0) return etherTypeName(protocol);
  return (oui === CISCO ? CISCO_PROTOCOLS[protocol] : undefined) ?? '802.3/SNAP';
}

/** Traffic of port 4500 besides ESP (RFC 3948): IKE after four zero bytes, and one-byte keepalives. */
function natTraversalName(bytes: Uint8Array, layers: Layers, end: number): string {
  const at = layers.payloadOffset;
  const length = layers.payloadEnd - at;
  if (length === 1 && at < end && bytes[at] === KEEPALIVE) return 'IPsec NAT keepalive';
  const marked = length > 4 && at + 4 <= end && (bytes[at] | bytes[at + 1] | bytes[at + 2] | bytes[at + 3]) === 0;
  return marked ? 'IKE' : UDP_PORTS[ESP_IN_UDP];
}

/**
 * Returns the port that identifies the packet's protocol, or -1. A server port below 1024 takes precedence over a
 * client's ephemeral port, which may match by chance.
 */
function identifyingPort(layers: Layers, names: Readonly<Record<number, string>>): number {
  const { sourcePort, destinationPort } = layers;
  const low = Math.min(sourcePort, destinationPort);
  const ports =
    low < FIRST_USER_PORT && low > 0 ? [low, Math.max(sourcePort, destinationPort)] : [destinationPort, sourcePort];
  if (ports[0] < FIRST_USER_PORT && ports[1] >= FIRST_USER_PORT) return ports[0] in names ? ports[0] : -1;
  return ports.find((port) => port in names) ?? -1;
}

function transportName(bytes: Uint8Array, layers: Layers, end: number): string {
  const udp = layers.protocol === IpProtocol.Udp;
  if (udp && (layers.sourcePort === DNS || layers.destinationPort === DNS)) return 'DNS';
  const names = udp ? UDP_PORTS : TCP_PORTS;
  const transport = udp ? 'UDP' : 'TCP';
  const port = identifyingPort(layers, names);
  if (port < 0) return transport;
  const name = udp && port === ESP_IN_UDP ? natTraversalName(bytes, layers, end) : names[port];
  return `${name} (${transport} ${port})`;
}

/**
 * Names a packet's protocol.
 * @param bytes the bytes that were parsed
 * @param layers layers without a header error
 * @param end offset after the captured bytes
 */
export function protocolName(bytes: Uint8Array, layers: Layers, end: number): string {
  if (layers.family === 0) {
    return layers.llcOffset < 0 ? etherTypeName(layers.etherType) : llcName(bytes, layers.llcOffset, end);
  }
  const version = layers.family === 6 ? ' (IPv6)' : '';
  switch (layers.protocol) {
    case IpProtocol.Tcp:
    case IpProtocol.Udp:
      return transportName(bytes, layers, end) + version;
    case IpProtocol.Icmp:
    case IpProtocol.Icmpv6:
      return ipProtocolName(layers.protocol);
    default:
      return ipProtocolName(layers.protocol) + version;
  }
}
