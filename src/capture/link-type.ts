/** Link types: the header before the IP packet in each record of a capture. */
import {
  checkLinuxSll,
  checkLinuxSll2,
  EtherType,
  Fault,
  type Layers,
  LINUX_SLL_SPAN,
  LINUX_SLL2_SPAN,
  linuxSll2Protocol,
  linuxSllProtocol,
} from '../wire/index.js';

/** The supported LINKTYPE_ values (tcpdump.org/linktypes.html). */
export const LinkType = {
  /** BSD loopback: a 4-byte address family in the writing host's byte order. */
  Null: 0,
  Ethernet: 1,
  /** Raw IP, with the values that BSD and OpenBSD used before 101. */
  RawBsd: 12,
  RawOpenBsd: 14,
  Raw: 101,
  /** OpenBSD loopback: like Null, in network byte order. */
  Loop: 108,
  LinuxSll: 113,
  Ipv4: 228,
  Ipv6: 229,
  LinuxSll2: 276,
} as const;

// Names from tcpdump.org/linktypes.html, without LINKTYPE_.
const NAMES: Readonly<Record<number, string>> = {
  0: 'NULL',
  1: 'EN10MB',
  3: 'AX25',
  6: 'IEEE802_5',
  7: 'ARCNET_BSD',
  8: 'SLIP',
  9: 'PPP',
  10: 'FDDI',
  12: 'RAW',
  14: 'RAW',
  15: 'SLIP_BSDOS',
  50: 'PPP_HDLC',
  51: 'PPP_ETHER',
  100: 'ATM_RFC1483',
  101: 'RAW',
  104: 'C_HDLC',
  105: 'IEEE802_11',
  107: 'FRELAY',
  108: 'LOOP',
  113: 'LINUX_SLL',
  114: 'LTALK',
  117: 'PFLOG',
  119: 'IEEE802_11_PRISM',
  122: 'IP_OVER_FC',
  123: 'SUNATM',
  127: 'IEEE802_11_RADIOTAP',
  129: 'ARCNET_LINUX',
  138: 'APPLE_IP_OVER_IEEE1394',
  141: 'MTP2',
  143: 'DOCSIS',
  163: 'IEEE802_11_AVS',
  166: 'PPP_PPPD',
  187: 'BLUETOOTH_HCI_H4',
  189: 'USB_LINUX',
  192: 'PPI',
  195: 'IEEE802_15_4_WITHFCS',
  201: 'BLUETOOTH_HCI_H4_WITH_PHDR',
  204: 'PPP_WITH_DIR',
  205: 'C_HDLC_WITH_DIR',
  206: 'FRELAY_WITH_DIR',
  220: 'USB_LINUX_MMAPPED',
  224: 'FC_2',
  227: 'CAN_SOCKETCAN',
  228: 'IPV4',
  229: 'IPV6',
  230: 'IEEE802_15_4_NOFCS',
  231: 'DBUS',
  239: 'NFLOG',
  240: 'NETANALYZER',
  242: 'IPOIB',
  247: 'INFINIBAND',
  248: 'SCTP',
  249: 'USBPCAP',
  252: 'WIRESHARK_UPPER_PDU',
  253: 'NETLINK',
  258: 'PKTAP',
  276: 'LINUX_SLL2',
};

/** A link type's name on tcpdump.org, such as `EN10MB`, or `LINKTYPE_n` for an unnamed one. */
export function linkTypeName(linkType: number): string {
  if (linkType >= 147 && linkType <= 162) return `USER${linkType - 147}`;
  return NAMES[linkType] ?? `LINKTYPE_${linkType}`;
}

/** Whether packets of this link type can be decoded. */
export function isLinkTypeKnown(linkType: number): boolean {
  return Object.values<number>(LinkType).includes(linkType);
}

/** ETH_P_802_2: the cooked header's protocol for an 802.3 frame that begins with LLC. */
const COOKED_LLC = 4;

// IPv6 is 24, 28 or 30 on the BSDs and macOS, 10 on Linux; the family is in the writer's byte order.
function etherTypeOfFamily(bytes: Uint8Array, offset: number): number {
  const little = bytes[offset] | (bytes[offset + 1] << 8);
  const big = (bytes[offset + 2] << 8) | bytes[offset + 3];
  switch (little !== 0 ? little : big) {
    case 2:
      return EtherType.Ipv4;
    case 10:
    case 24:
    case 28:
    case 30:
      return EtherType.Ipv6;
    default:
      return 0;
  }
}

function etherTypeOfVersion(bytes: Uint8Array, offset: number): number {
  const version = bytes[offset] >>> 4;
  if (version === 4) return EtherType.Ipv4;
  return version === 6 ? EtherType.Ipv6 : 0;
}

/**
 * Decodes a record's headers, starting at the link layer.
 * @param layers receives the offsets
 * @param end offset after the captured bytes
 * @param limit offset after the packet's bytes on the wire
 * @returns the fault, as from `Layers`; `BadValue` for an unknown link type
 */
export function walkLink(
  layers: Layers,
  linkType: number,
  bytes: Uint8Array,
  offset: number,
  end: number,
  limit: number,
): Fault {
  switch (linkType) {
    case LinkType.Ethernet:
      return layers.walkEthernet(bytes, offset, end, limit);
    case LinkType.LinuxSll:
      if (checkLinuxSll(bytes, offset, end) !== Fault.None) return layers.refuse(Fault.Short, end, limit);
      if (linuxSllProtocol(bytes, offset) === COOKED_LLC) {
        return layers.walkBareLlc(bytes, offset + LINUX_SLL_SPAN, end, limit);
      }
      return layers.walkNetwork(bytes, linuxSllProtocol(bytes, offset), offset + LINUX_SLL_SPAN, end, limit);
    case LinkType.LinuxSll2:
      if (checkLinuxSll2(bytes, offset, end) !== Fault.None) return layers.refuse(Fault.Short, end, limit);
      if (linuxSll2Protocol(bytes, offset) === COOKED_LLC) {
        return layers.walkBareLlc(bytes, offset + LINUX_SLL2_SPAN, end, limit);
      }
      return layers.walkNetwork(bytes, linuxSll2Protocol(bytes, offset), offset + LINUX_SLL2_SPAN, end, limit);
    case LinkType.Raw:
    case LinkType.RawBsd:
    case LinkType.RawOpenBsd:
    case LinkType.Ipv4:
    case LinkType.Ipv6:
      if (offset >= end) return layers.refuse(Fault.Short, end, limit);
      return layers.walkNetwork(bytes, etherTypeOfVersion(bytes, offset), offset, end, limit);
    case LinkType.Null:
    case LinkType.Loop:
      if (offset + 4 > end) return layers.refuse(Fault.Short, end, limit);
      return layers.walkNetwork(bytes, etherTypeOfFamily(bytes, offset), offset + 4, end, limit);
    default:
      return layers.refuse(Fault.BadValue, end, limit);
  }
}
