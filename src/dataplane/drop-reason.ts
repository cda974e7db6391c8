/**
 * Why a packet was dropped: a small integer that is counted, with a name for programs and a text for people. The names
 * are the kernel's where it has one (include/net/dropreason-core.h without SKB_DROP_REASON_, net/xfrm/xfrm_proc.c).
 * Where one of its counters covers several causes, an underscore and the cause are appended.
 */
import { ReassemblyDrop } from '../fragment/index.js';
import { EspDrop } from '../ipsec/index.js';
import { HeaderError, Layer } from '../wire/index.js';

/** Drop reasons. */
export const DropReason = {
  None: 0,
  /** The capture's snaplen cut off bytes that are needed. */
  CaptureTruncated: 1,
  /** The capture's link type isn't supported. */
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
  EspUnsupportedPacket: 36,
  /** A frame's source MAC is zero or a group address. */
  InvalidSource: 37,
  /** A frame's source MAC isn't an endpoint of this node. */
  ForeignSource: 38,
  /** No FDB entry for the MAC, and the network doesn't flood. */
  NoRemote: 39,
  /** A static FDB entry maps the source MAC to another VTEP. */
  EntryExists: 40,
  /** The packet would be sent back to where it came from. */
  Loop: 41,
  /** ARP or ND that this node answered itself. */
  NeighbourAnswered: 42,
  /** A query for an address without a neighbour entry. */
  NeighbourUnknown: 43,
  PacketTooBig: 44,
  NoMemory: 45,
  /** Unencrypted VXLAN of an encrypted network. */
  ClearOfEncrypted: 46,
  NoOutboundSa: 47,
  /** The destination address isn't this VTEP's. */
  OtherHost: 48,
  /** RFC 6040: the outer packet is marked CE, and the inner one is Not-ECT. */
  EcnLost: 49,
  /** No local endpoint has the MAC. */
  NoLocalEndpoint: 50,
  /** Not overlay traffic: neither VXLAN nor ESP. */
  NotOverlay: 51,
  /** ICMP path-MTU message, consumed. */
  PathMtuLearned: 52,
  FragmentEcn: 53,
  EspSequenceNotReserved: 54,
  /** `PacketTooBig` whose sender has reached its rate limit of ICMP errors (RFC 4443 section 2.4 f). */
  PacketTooBigRateLimited: 55,
  /** Neighbour discovery that must be discarded (RFC 4861 section 7.1.1). */
  NeighbourInvalid: 56,
  /** A broadcast or multicast frame that isn't flooded and has no other local endpoint to go to. */
  NoTarget: 57,
  /** VXLAN, or the payload of ESP, from an address that is no node's VTEP. */
  UnknownVtep: 58,
  /** RFC 4301 section 5.2: the source address isn't the SA's. */
  EspSourceMismatch: 59,
  /** The queue to the worker that has the packet's SA is full. */
  WorkerBacklog: 60,
} as const;
export type DropReason = (typeof DropReason)[keyof typeof DropReason];

const TABLE: readonly (readonly [name: string, text: string])[] = [
  ['NONE', 'not dropped'],
  ['CAPTURE_TRUNCATED', 'packets truncated by the snaplen; capture again with -s 0'],
  ['LINK_TYPE_UNKNOWN', 'packets of an unsupported link type'],
  ['PKT_TOO_SMALL', 'packets too short for their headers'],
  ['VLAN_TOO_DEEP', 'packets with more than four VLAN tags'],
  ['IP_INHDR', 'packets with a bad IP header'],
  ['IP_CSUM', 'packets with a wrong IPv4 header checksum'],
  ['IPV6_BAD_EXTHDR', 'packets with bad IPv6 extension headers'],
  ['L4_HDR', 'packets with a bad TCP or UDP header'],
  ['UDP_CSUM', 'packets with a wrong UDP checksum'],
  ['VXLAN_INVALID_HDR', 'VXLAN with a truncated header or without a valid VNI'],
  ['VXLAN_RESERVED_BITS', 'VXLAN with reserved bits set, which Linux drops (--reserved ignore accepts it)'],
  ['VXLAN_VNI_NOT_FOUND', 'VXLAN of an unknown VNI'],
  ['XfrmInHdrError', 'ESP with a bad header'],
  ['DUP_FRAG', 'duplicate fragments'],
  ['FRAG_OVERLAP', 'overlapping fragments'],
  ['FRAG_INCONSISTENT', 'fragments that disagree about the length of the datagram'],
  ['FRAG_TOO_LONG', 'fragments of datagrams longer than 65,535 bytes'],
  ['FRAG_BAD_LENGTH', 'fragments that are empty or not a multiple of 8 bytes'],
  ['FRAG_TOO_MANY_PARTS', 'fragments of datagrams with too many fragments'],
  ['FRAG_HEADER_CHAIN', 'first fragments without the whole header chain'],
  ['FRAG_REASM_TIMEOUT', 'fragments of datagrams that were not completed in time'],
  ['FRAG_EVICTED', 'fragments evicted to make room for newer ones'],
  ['XfrmInNoStates', 'ESP without an SA for its SPI and destination'],
  ['XfrmInHdrError_Short', 'ESP too short for its trailer and ICV'],
  ['XfrmInHdrError_Fragment', 'fragments of ESP packets that were not reassembled'],
  ['XfrmInStateMismatch', 'ESP in UDP whose SA has no UDP encapsulation, or the reverse'],
  ['XfrmInStateSeqError_Replayed', 'ESP whose sequence number was already seen (replay)'],
  ['XfrmInStateSeqError_Outside', 'ESP whose sequence number is below the replay window'],
  ['XfrmInStateProtoError_Icv', 'ESP with a wrong ICV: wrong key or modified packet'],
  ['XfrmInStateProtoError_Padding', 'ESP with bad padding'],
  ['ESP_DUMMY', 'ESP dummy packets (next header 59)'],
  ['XfrmInStateModeError', 'ESP of a tunnel-mode SA whose payload is not an IP packet'],
  ['XfrmInStateExpired', 'ESP of an SA past its hard limit'],
  ['XfrmOutStateSeqError', 'packets for an SA whose sequence numbers are exhausted'],
  ['XfrmOutError_Room', 'packets without headroom or tailroom for ESP'],
  ['XfrmOutError_Packet', 'packets that ESP cannot encapsulate: fragments, or too long'],
  ['MAC_INVALID_SOURCE', 'frames whose source MAC is zero or a group address'],
  ['FOREIGN_SOURCE', 'frames whose source MAC is not an endpoint of this node'],
  ['VXLAN_NO_REMOTE', 'frames for a MAC without a forwarding entry'],
  ['VXLAN_ENTRY_EXISTS', 'frames whose source MAC a static entry maps to another VTEP'],
  ['LOOP', 'frames that would be sent back to where they came from'],
  ['NEIGH_ANSWERED', 'ARP and ND that this node answered itself'],
  ['NEIGH_UNKNOWN', 'ARP and ND for addresses without a neighbour entry'],
  ['PKT_TOO_BIG', 'packets larger than the MTU'],
  ['NOMEM', 'packets for which the arena had no free slot'],
  ['CLEAR_OF_ENCRYPTED', 'unencrypted VXLAN of an encrypted network'],
  ['XfrmOutNoStates', 'packets of an encrypted network without an outbound SA'],
  ['OTHERHOST', 'packets whose destination is not this VTEP'],
  ['IP_TUNNEL_ECN', 'packets marked CE whose inner packet is Not-ECT'],
  ['NO_LOCAL_ENDPOINT', 'frames for a MAC that no endpoint of this node has'],
  ['NOT_OVERLAY', 'packets that are neither VXLAN nor ESP'],
  ['PMTU_LEARNED', 'ICMP path-MTU messages that this node consumed'],
  ['FRAG_ECN', 'fragments of datagrams that mix ECT and Not-ECT'],
  ['XfrmOutStateSeqError_Reserve', 'packets for an SA whose next sequence numbers could not be reserved'],
  ['PKT_TOO_BIG_RateLimited', 'packets larger than the MTU, ICMP error rate-limited'],
  ['NEIGH_INVALID', 'neighbour discovery with a wrong checksum, hop limit, code or option'],
  ['NO_TX_TARGET', 'broadcast and multicast frames without another receiver'],
  ['VXLAN_UNKNOWN_VTEP', 'VXLAN from an unknown VTEP (acceptUnknownVteps accepts it)'],
  ['XfrmInStateMismatch_Source', "ESP whose source address is not its SA's"],
  ['CPU_BACKLOG', 'frames for which the queue to another worker had no room'],
];

/** The number of drop reasons. */
export const DROP_REASONS = TABLE.length;

/** The name of a reason, for programs. */
export function dropReasonName(reason: number): string {
  return TABLE[reason][0];
}

/** The text of a reason, for people. */
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

/** The drop reason of a fragment that reassembly dropped. */
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
  [EspDrop.UnsupportedPacket]: DropReason.EspUnsupportedPacket,
  [EspDrop.SequenceNotReserved]: DropReason.EspSequenceNotReserved,
  [EspDrop.SourceMismatch]: DropReason.EspSourceMismatch,
  [EspDrop.EcnLost]: DropReason.EcnLost,
};

const TO_ESP: ReadonlyMap<DropReason, EspDrop> = new Map(Object.values(EspDrop).map((drop) => [OF_ESP[drop], drop]));

/** The drop reason of a packet that ESP dropped. */
export function dropReasonOfEsp(drop: EspDrop): DropReason {
  return OF_ESP[drop];
}

/** The inverse of `dropReasonOfEsp`; undefined for what isn't a reason of ESP. */
export function espDropOf(reason: DropReason): EspDrop | undefined {
  return TO_ESP.get(reason);
}

/** The drop reason of a packet with a header error in a layer. */
export function dropReasonOfHeaderError(headerError: HeaderError, layer: Layer): DropReason {
  if (headerError === HeaderError.Truncated) return DropReason.CaptureTruncated;
  switch (layer) {
    case Layer.Vlan:
      return headerError === HeaderError.TooDeep ? DropReason.VlanTagsTooDeep : DropReason.PacketTooSmall;
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
