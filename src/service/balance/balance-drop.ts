/**
 * Why a load balancer drops a frame. The names are the kernel's where it has one (include/net/dropreason-core.h without
 * SKB_DROP_REASON_).
 */

/** Drop reasons. */
export const BalanceDrop = {
  None: 0,
  PacketTooSmall: 1,
  /** Neither ARP nor IPv4. */
  UnhandledProtocol: 2,
  IpHeader: 3,
  IpChecksum: 4,
  TransportHeader: 5,
  IcmpChecksum: 6,
  /** Not to the balancer's MAC, or to none of its addresses. */
  OtherHost: 7,
  /** ARP that isn't a request for one of its addresses. */
  ArpIgnored: 8,
  /** A packet to the balancer itself that its stack ignores: a reset, an ICMP error or echo reply about nothing it knows. */
  NoSocket: 9,
  /** A transport protocol that isn't balanced. */
  IpNoProtocol: 10,
  /** The first packet to a connection's backend after the backend was removed (`expire_nodest_conn`). */
  BackendRemoved: 11,
  /** The table is full of established connections. */
  TableFull: 12,
  /** No free source port towards the backend. */
  NoSourcePort: 13,
  /** The TTL ran out, and an ICMP error about the packet isn't allowed. */
  TtlExpired: 14,
  /** No error about this packet may be sent (RFC 1122 section 3.2.2). */
  Unanswerable: 15,
  /** An ICMP error was due but is rate-limited. */
  IcmpRateLimited: 16,
  /** SCTP that begins with another chunk than INIT and belongs to no association. */
  NoAssociation: 17,
  /** A fragment that reassembly dropped, for a reason that `LoadBalancer.accounting` counts. */
  Reassembly: 18,
  /** From an address that is one of the balancer's VIPs too. */
  LocalSource: 19,
} as const;
export type BalanceDrop = (typeof BalanceDrop)[keyof typeof BalanceDrop];

const NAMES = [
  'NONE',
  'PKT_TOO_SMALL',
  'UNHANDLED_PROTO',
  'IP_INHDR',
  'IP_CSUM',
  'L4_HDR',
  'ICMP_CSUM',
  'OTHERHOST',
  'ARP_IGNORED',
  'NO_SOCKET',
  'IP_NOPROTO',
  'IPVS_NO_DESTINATION',
  'NOMEM',
  'NF_NAT_NO_PORT',
  'IP_TTL_EXPIRED',
  'ICMP_UNANSWERABLE',
  'ICMP_RATE_LIMITED',
  'IPVS_NO_ASSOCIATION',
  'FRAG_REASSEMBLY',
  'IP_LOCAL_SOURCE',
];

/** The number of reasons. */
export const BALANCE_DROPS = NAMES.length;

/** The name of a reason, for programs. */
export function balanceDropName(reason: number): string {
  return NAMES[reason];
}
