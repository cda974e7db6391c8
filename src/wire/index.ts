/**
 * Headers and checksums, from link layers to TCP. Nothing is copied: all offsets are in bytes into the given array.
 *
 * - {@link Layers} walks a packet from Ethernet to the ports and checks every length; {@link walkLink} does so from
 *   any link layer of a capture.
 * - Each header has a `check` function ({@link checkVxlan}), which returns a {@link HeaderError}, a view with
 *   accessors that can't fail after it ({@link VxlanView}), and a layout with `decode` and `encode`
 *   ({@link vxlanLayout}).
 * - {@link formatIp}, {@link parseIpv4} and similar functions convert addresses.
 * @module vtep/wire
 */
export { VtepError } from '../error.js';
export {
  formatIp,
  formatIpv4,
  formatIpv6,
  formatMac,
  isZeroMac,
  macOfIpv4,
  parseIpv4,
  parseIpv6,
  parseMac,
} from './address.js';
export { ARP_PACKET_LEN, ArpOperation, ArpView, arpLayout, checkArp } from './arp.js';
export { checksum, onesSum, pseudoHeaderSum, updateChecksum } from './checksum.js';
export { propagateEcn, decapsulateEcn } from './ecn.js';
export { checkEsp, ESP_HEADER_LEN, ESP_UDP_PORT, EspView, espLayout } from './esp.js';
export {
  Encapsulation,
  EncapsulationWalk,
  encapsulationName,
  GENEVE_PORT,
  GRE_IN_UDP_PORT,
  MPLS_IN_UDP_PORT,
  VXLAN_GPE_PORT,
} from './encapsulation.js';
export { EtherType } from './ether-type.js';
export { checkEthernet, ETHERNET_HEADER_LEN, EthernetView, ethernetLayout } from './ethernet.js';
export { HeaderError, headerErrorText } from './header-error.js';
export {
  checkIcmp,
  ICMP_FRAGMENTATION_NEEDED,
  ICMP_HEADER_LEN,
  IcmpType,
  IcmpView,
  icmpLayout,
  isIcmpError,
} from './icmp.js';
export {
  checkIcmpv6,
  ICMPV6_HEADER_LEN,
  Icmpv6Type,
  Icmpv6View,
  icmpv6Layout,
  NEIGHBOUR_MESSAGE_LEN,
  neighbourLayout,
} from './icmpv6.js';
export { IpProtocol } from './ip-protocol.js';
export {
  checkIpv4,
  IPV4_MAX_HEADER_LEN,
  IPV4_HEADER_LEN,
  Ipv4View,
  isIpv4ChecksumValid,
  ipv4Layout,
  VERSION_4_IHL_5,
  writeIpv4,
  writeIpv4Checksum,
  writeIpv4Length,
} from './ipv4.js';
export { checkIpv6, IPV6_HEADER_LEN, Ipv6View, ipv6Layout, writeIpv6 } from './ipv6.js';
export {
  IPV6_FRAGMENT_HEADER_LEN,
  Ipv6ExtensionWalk,
  ipv6ExtensionLayout,
  ipv6FragmentLayout,
  isIpv6Extension,
} from './ipv6-extension.js';
export { Layer, Layers, type LayersOptions } from './layers.js';
export type { BitRange, FieldValue, HeaderLayout } from './layout.js';
export { EthernetHeaders, isLinkTypeKnown, LinkType, walkLink } from './link-layer.js';
export { checkLinuxSll, LINUX_SLL_HEADER_LEN, linuxSllLayout, linuxSllProtocol } from './linux-sll.js';
export { checkLinuxSll2, LINUX_SLL2_HEADER_LEN, linuxSll2Layout, linuxSll2Protocol } from './linux-sll2.js';
export {
  isSnap,
  LLC_HEADER_LEN,
  llcLayout,
  MIN_ETHER_TYPE,
  Sap,
  SNAP_HEADER_LEN,
  snapLayout,
  snapOui,
  snapProtocol,
} from './llc.js';
export { partialChecksumIn, TCP_CHECKSUM, UDP_CHECKSUM } from './partial-checksum.js';
export { etherTypeName, ipProtocolName, llcName, protocolName } from './protocol-name.js';
export { checkTcp, TCP_HEADER_LEN, TcpFlag, TcpView, tcpLayout } from './tcp.js';
export { checkUdp, UDP_HEADER_LEN, UdpView, isUdpChecksumValid, udpLayout } from './udp.js';
export { checkVlan, isVlanTag, VLAN_HEADER_LEN, VlanView, vlanLayout } from './vlan.js';
export {
  checkVxlan,
  VXLAN_FLAG_G,
  VXLAN_FLAG_I,
  VXLAN_PORT,
  VXLAN_HEADER_LEN,
  VxlanReserved,
  VxlanView,
  vxlanLayout,
} from './vxlan.js';
