/**
 * Why a packet went no further: a small integer, counted, with a name for programs and a sentence for people. The names
 * are the kernel's where it has one (include/net/dropreason-core.h without SKB_DROP_REASON_, net/xfrm/xfrm_proc.c);
 * where one of its counters stands for several causes, the cause follows behind an underscore.
 */
import { ReassemblyDrop } from '../fragment/index.js';
import { EspDrop } from '../ipsec/index.js';
import { Fault, Layer } from '../wire/index.js';

/** Drop reasons. */
export const DropReason = {
  None: 0,
  /** The capture was cut by a snaplen within what is needed. */
  CaptureTruncated: 1,
  /** The capture's link type can't be read. */
  LinkTypeUnknown: 2,
  PacketTooSmall: 3,
  VlanTagsTooDeep: 4,
  IpHeader: 5,
  IpChecksum: 6,
  Ipv6ExtensionHeader: 7,
  TransportHeader: 8,
  UdpChecksum: 9,
  VxlanInvalidHeader: 10,
  VxlanReservedBits: 11,
  VxlanVniNotFound: 12,
  EspHeader: 13,
  DuplicateFragment: 14,
  FragmentOverlap: 15,
  FragmentInconsistent: 16,
  FragmentTooLong: 17,
  FragmentBadLength: 18,
  FragmentTooManyParts: 19,
  FragmentHeaderChain: 20,
  FragmentTimeout: 21,
  FragmentEvicted: 22,
  EspNoSa: 23,
  EspTooShort: 24,
  EspFragment: 25,
  EspEncapMismatch: 26,
  EspReplayed: 27,
  EspOutsideWindow: 28,
  EspWrongIcv: 29,
  EspBadPadding: 30,
  EspDummy: 31,
  EspModeMismatch: 32,
  EspExpired: 33,
  EspSequenceExhausted: 34,
  EspNoRoom: 35,
  EspNotSealable: 36,
  /** A frame's source MAC is zero or a group's. */
  InvalidSource: 37,
  /** A frame's source isn't an endpoint of this node. */
  NotFromHere: 38,
  /** No FDB entry for the MAC, and the network doesn't flood. */
  NoRemote: 39,
  /** A static FDB entry has the source MAC elsewhere. */
  EntryExists: 40,
  /** The packet's way leads back to where it came from. */
  Loop: 41,
  /** Answered by this node, as ARP and ND are. */
  NeighbourAnswered: 42,
  /** Asked for an address that no neighbour entry has. */
  NeighbourUnknown: 43,
  PacketTooBig: 44,
  NoMemory: 45,
  /** Clear VXLAN of an encrypted network. */
  ClearOfEncrypted: 46,
  NoOutboundSa: 47,
  /** For another address than this VTEP's. */
  OtherHost: 48,
  /** RFC 6040: congestion was met on the way, and the packet inside can't be told. */
  EcnLost: 49,
  /** No local endpoint has the MAC. */
  NoLocalEndpoint: 50,
  /** No overlay traffic: neither VXLAN nor ESP. */
  NotOverlay: 51,
  /** ICMP about the path MTU: read, and at its end. */
  PathMtuTold: 52,
  FragmentEcn: 53,
  EspSequenceNotReserved: 54,
  /** As `PacketTooBig`, but ICMP errors to its sender are over their rate (RFC 4443 section 2.4 f). */
  PacketTooBigRateLimited: 55,
  /** Neighbour discovery that RFC 4861 section 7.1.1 says to ignore. */
  NeighbourInvalid: 56,
  /** A broadcast or multicast frame of a network that floods nowhere, and no other endpoint here. */
  NoTarget: 57,
  /** Clear VXLAN, or what ESP held, from an address that is no node's VTEP. */
  UnknownVtep: 58,
  /** RFC 4301 section 5.2: the source address isn't the SA's. */
  EspSourceMismatch: 59,
} as const;
export type DropReason = (typeof DropReason)[keyof typeof DropReason];

const TABLE: readonly (readonly [name: string, text: string])[] = [
  ['NONE', 'not dropped'],
  ['CAPTURE_TRUNCATED', 'cut by the snaplen of the capture; record again with -s 0'],
  ['LINK_TYPE_UNKNOWN', 'of a link type that vtep does not read'],
  ['PKT_TOO_SMALL', 'too short for its headers'],
  ['VLAN_TOO_DEEP', 'more than four VLAN tags'],
  ['IP_INHDR', 'a bad IP header'],
  ['IP_CSUM', 'a wrong IPv4 header checksum'],
  ['IPV6_BAD_EXTHDR', 'bad IPv6 extension headers'],
  ['L4_HDR', 'a bad TCP or UDP header'],
  ['UDP_CSUM', 'a wrong UDP checksum'],
  ['VXLAN_INVALID_HDR', 'a VXLAN header that is too short or has no valid VNI'],
  ['VXLAN_RESERVED_BITS', 'reserved VXLAN bits set, which Linux refuses (--reserved ignore reads them)'],
  ['VXLAN_VNI_NOT_FOUND', 'of another VNI'],
  ['XfrmInHdrError', 'a bad ESP header'],
  ['DUP_FRAG', 'fragments that came twice'],
  ['FRAG_OVERLAP', 'fragments that overlap'],
  ['FRAG_INCONSISTENT', 'fragments that disagree about where the datagram ends'],
  ['FRAG_TOO_LONG', 'fragments of more than 65,535 bytes together'],
  ['FRAG_BAD_LENGTH', 'fragments that are empty or no multiple of 8 bytes'],
  ['FRAG_TOO_MANY_PARTS', 'fragments of a datagram with too many parts'],
  ['FRAG_HEADER_CHAIN', 'first fragments that end before the transport header does'],
  ['FRAG_REASM_TIMEOUT', 'fragments whose rest did not come in time'],
  ['FRAG_EVICTED', 'fragments that had to make room for newer ones'],
  ['XfrmInNoStates', 'ESP of an SPI and destination without a key'],
  ['XfrmInHdrError_Short', 'ESP too short for its trailer and ICV'],
  ['XfrmInHdrError_Fragment', 'fragments given to ESP, which opens whole packets'],
  ['XfrmInStateMismatch', 'ESP in UDP where the SA has none, or the reverse'],
  ['XfrmInStateSeqError_Replayed', 'ESP whose sequence number came already'],
  ['XfrmInStateSeqError_Outside', 'ESP whose sequence number lies before the replay window'],
  ['XfrmInStateProtoError_Icv', 'ESP with a wrong ICV: another key, or changed bytes'],
  ['XfrmInStateProtoError_Padding', 'ESP with bad padding'],
  ['ESP_DUMMY', 'ESP dummy packets (next header 59)'],
  ['XfrmInStateModeError', 'ESP of a tunnel-mode SA that holds no IP packet'],
  ['XfrmInStateExpired', 'ESP of an SA beyond its hard limit'],
  ['XfrmOutStateSeqError', 'packets for an SA whose sequence numbers are used up'],
  ['XfrmOutError_Room', 'packets without room for the ESP headers'],
  ['XfrmOutError_Packet', 'packets that ESP can not go around: fragments, or too long'],
  ['MAC_INVALID_SOURCE', 'frames whose source MAC is zero or a group'],
  ['NOT_FROM_HERE', 'frames whose source is no endpoint of this node'],
  ['VXLAN_NO_REMOTE', 'frames for a MAC that no forwarding entry has'],
  ['VXLAN_ENTRY_EXISTS', 'frames whose source MAC a static entry has behind another VTEP'],
  ['LOOP', 'frames whose way would lead back to where they came from'],
  ['NEIGH_ANSWERED', 'ARP and ND that this node answered itself'],
  ['NEIGH_UNKNOWN', 'ARP and ND for addresses that no neighbour entry has'],
  ['PKT_TOO_BIG', 'packets larger than the MTU'],
  ['NOMEM', 'packets for which the arena had no slot'],
  ['CLEAR_OF_ENCRYPTED', 'clear VXLAN of an encrypted network'],
  ['XfrmOutNoStates', 'packets of an encrypted network without a key for the way'],
  ['OTHERHOST', 'packets for another address than this VTEP'],
  ['IP_TUNNEL_ECN', 'packets marked for congestion whose inner packet can not be'],
  ['NO_LOCAL_ENDPOINT', 'frames for a MAC that no endpoint of this node has'],
  ['NOT_OVERLAY', 'packets that are neither VXLAN nor ESP'],
  ['PMTU_TOLD', 'ICMP about the path MTU, which this node read'],
  ['FRAG_ECN', 'fragments of one datagram with and without ECN'],
  ['XfrmOutStateSeqError_Reserve', 'packets for an SA whose next sequence numbers could not be written down'],
  ['PKT_TOO_BIG_RateLimited', 'packets larger than the MTU whose sender gets no more ICMP for now'],
  ['NEIGH_INVALID', 'neighbour discovery with a wrong checksum, hop limit, code or option'],
  ['NO_TX_TARGET', 'broadcast and multicast frames that nobody else would get'],
  ['VXLAN_UNKNOWN_VTEP', 'VXLAN from an address that is no node (acceptUnknownVteps lets it in)'],
  ['XfrmInStateMismatch_Source', "ESP whose source address isn't its SA's"],
];

/** How many reasons there are. */
export const DROP_REASONS = TABLE.length;

/** A reason's name for programs. */
export function dropReasonName(reason: number): string {
  return TABLE[reason][0];
}

/** A reason in words for people. */
export function dropReasonText(reason: number): string {
  return TABLE[reason][1];
}

const OF_REASSEMBLY: Readonly<Record<ReassemblyDrop, DropReason>> = {
  [ReassemblyDrop.None]: DropReason.None,
  [ReassemblyDrop.Duplicate]: DropReason.DuplicateFragment,
  [ReassemblyDrop.Overlap]: DropReason.FragmentOverlap,
  [ReassemblyDrop.Inconsistent]: DropReason.FragmentInconsistent,
  [ReassemblyDrop.TooLong]: DropReason.FragmentTooLong,
  [ReassemblyDrop.BadLength]: DropReason.FragmentBadLength,
  [ReassemblyDrop.Truncated]: DropReason.CaptureTruncated,
  [ReassemblyDrop.TooManyParts]: DropReason.FragmentTooManyParts,
  [ReassemblyDrop.HeaderChain]: DropReason.FragmentHeaderChain,
  [ReassemblyDrop.Timeout]: DropReason.FragmentTimeout,
  [ReassemblyDrop.Evicted]: DropReason.FragmentEvicted,
  [ReassemblyDrop.EcnMixed]: DropReason.FragmentEcn,
};

/** The drop reason of a fragment that reassembly refused. */
export function dropReasonOfReassembly(drop: ReassemblyDrop): DropReason {
  return OF_REASSEMBLY[drop];
}

const OF_ESP: Readonly<Record<EspDrop, DropReason>> = {
  [EspDrop.None]: DropReason.None,
  [EspDrop.NoSa]: DropReason.EspNoSa,
  [EspDrop.TooShort]: DropReason.EspTooShort,
  [EspDrop.Fragment]: DropReason.EspFragment,
  [EspDrop.EncapMismatch]: DropReason.EspEncapMismatch,
  [EspDrop.Replayed]: DropReason.EspReplayed,
  [EspDrop.OutsideWindow]: DropReason.EspOutsideWindow,
  [EspDrop.WrongIcv]: DropReason.EspWrongIcv,
  [EspDrop.BadPadding]: DropReason.EspBadPadding,
  [EspDrop.Dummy]: DropReason.EspDummy,
  [EspDrop.ModeMismatch]: DropReason.EspModeMismatch,
  [EspDrop.Expired]: DropReason.EspExpired,
  [EspDrop.SequenceExhausted]: DropReason.EspSequenceExhausted,
  [EspDrop.NoRoom]: DropReason.EspNoRoom,
  [EspDrop.NotSealable]: DropReason.EspNotSealable,
  [EspDrop.SequenceNotReserved]: DropReason.EspSequenceNotReserved,
  [EspDrop.SourceMismatch]: DropReason.EspSourceMismatch,
  [EspDrop.EcnLost]: DropReason.EcnLost,
};

/** The drop reason of a packet that ESP refused. */
export function dropReasonOfEsp(drop: EspDrop): DropReason {
  return OF_ESP[drop];
}

/** The drop reason of a packet whose headers are at fault. */
export function dropReasonOfFault(fault: Fault, layer: Layer): DropReason {
  if (fault === Fault.Truncated) return DropReason.CaptureTruncated;
  switch (layer) {
    case Layer.Vlan:
      return fault === Fault.TooDeep ? DropReason.VlanTagsTooDeep : DropReason.PacketTooSmall;
    case Layer.Network:
      return DropReason.IpHeader;
    case Layer.Extension:
      return DropReason.Ipv6ExtensionHeader;
    case Layer.Transport:
      return DropReason.TransportHeader;
    default:
      return DropReason.PacketTooSmall;
  }
}
