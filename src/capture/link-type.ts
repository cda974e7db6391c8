/** Link types: what stands before the IP packet in each record of a capture. */
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

/** The LINKTYPE_ numbers (tcpdump.org/linktypes.html) that can be read. */
export const LinkType = {
  /** BSD loopback: a 4-byte address family in the writing host's order. */
  Null: 0,
  Ethernet: 1,
  /** Raw IP, by the numbers that BSD and OpenBSD used before 101. */
  RawBsd: 12,
  RawOpenBsd: 14,
  Raw: 101,
  /** OpenBSD loopback: the same as Null in network order. */
  Loop: 108,
  LinuxSll: 113,
  Ipv4: 228,
  Ipv6: 229,
  LinuxSll2: 276,
} as const;

const NAMES: Readonly<Record<number, string>> = {
  0: 'NULL',
  1: 'EN10MB',
  9: 'PPP',
  10: 'FDDI',
  12: 'RAW',
  14: 'RAW',
  15: 'SLIP',
  101: 'RAW',
  105: 'IEEE802_11',
  108: 'LOOP',
  113: 'LINUX_SLL',
  127: 'IEEE802_11_RADIOTAP',
  147: 'USER0',
  228: 'IPV4',
  229: 'IPV6',
  249: 'USBPCAP',
  276: 'LINUX_SLL2',
};

/** A link type's name in tcpdump's words, or its number. */
export function linkTypeName(linkType: number): string {
  return NAMES[linkType] ?? `link type ${linkType}`;
}

/** Whether packets of a link type can be walked. */
export function isLinkTypeKnown(linkType: number): boolean {
  return Object.values<number>(LinkType).includes(linkType);
}

// 24, 28 and 30 are IPv6 on the BSDs and macOS, 10 on Linux; the family's byte order is the writer's.
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
 * Walks a record's headers from its link layer on.
 * @param layers what is filled
 * @param end where the captured bytes end
 * @param limit where the packet ended on the wire
 * @returns the fault, as `Layers` gives it; `BadValue` for a link type that isn't known
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
      return layers.walkNetwork(bytes, linuxSllProtocol(bytes, offset), offset + LINUX_SLL_SPAN, end, limit);
    case LinkType.LinuxSll2:
      if (checkLinuxSll2(bytes, offset, end) !== Fault.None) return layers.refuse(Fault.Short, end, limit);
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
