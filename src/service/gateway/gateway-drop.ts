/**
 * Why a gateway drops a frame. The names are the kernel's where it has one (include/net/dropreason-core.h without
 * SKB_DROP_REASON_).
 */

/** Drop reasons. */
export const GatewayDrop = {
  None: 0,
  PacketTooSmall: 1,
  /** Neither ARP, IPv4 nor IPv6. */
  UnhandledProtocol: 2,
  /** The source MAC isn't the port's. */
  InvalidSourceMac: 3,
  /** The source address isn't the port's, where that is checked. */
  InvalidSource: 4,
  /** ARP that isn't a request for another port's address: announcements, probes of the own address. */
  ArpIgnored: 5,
  /** An ARP request for an address that no port has. */
  NeighbourUnknown: 6,
  /** A unicast frame to a MAC that no other port has, or a group frame that goes nowhere. */
  NoTarget: 7,
  /** Between containers, or a container and the ingress load balancer, which `icc=false` separates. */
  Isolated: 8,
  /**
   * From or to 127.0.0.0/8, by a container or the load balancer. The host's kernel would take it, since its interface has
   * `route_localnet`.
   */
  Localnet: 9,
} as const;
export type GatewayDrop = (typeof GatewayDrop)[keyof typeof GatewayDrop];

const NAMES = [
  'NONE',
  'PKT_TOO_SMALL',
  'UNHANDLED_PROTO',
  'MAC_INVALID_SOURCE',
  'IP_INVALID_SOURCE',
  'ARP_IGNORED',
  'NEIGH_UNKNOWN',
  'NO_TX_TARGET',
  'NETFILTER_DROP',
  'IP_LOCALNET',
];

/** The number of reasons. */
export const GATEWAY_DROPS = NAMES.length;

/** The name of a reason, for programs. */
export function gatewayDropName(reason: number): string {
  return NAMES[reason];
}
