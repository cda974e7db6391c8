/** What the packets of a lane are like: of one direction of a flow. */
import type { Node } from '../overlay/index.js';

/** What varies from packet to packet, apart from the outer headers. */
export const LaneKind = {
  /** Ports, sequence numbers, flags, timestamps, payload. */
  Tcp: 0,
  /** Ports, payload, a word of it. */
  Udp: 1,
  /** The sequence number, payload. */
  Icmp: 2,
  /** Nothing: the inner frame is given. */
  Frame: 3,
  /** Nothing: the whole packet is given, and isn't VXLAN. */
  Packet: 4,
} as const;
export type LaneKind = (typeof LaneKind)[keyof typeof LaneKind];

/** One end of a lane, inside. */
export interface InnerEnd {
  readonly mac: Uint8Array;
  /** 4 or 16 bytes. */
  readonly ip: Uint8Array;
}

/** What a lane's packets are like. */
export interface LaneSpec {
  readonly source: Node;
  readonly destination: Node;
  readonly kind: LaneKind;
  /** SA of each rotation, in order; empty for clear packets. */
  readonly sas: readonly number[];
  readonly vni: number;
  readonly from: InnerEnd;
  readonly to: InnerEnd;
  /** The service's port, in the direction of the client's packets the destination. */
  readonly port?: number;
  /** Whether the client is the destination. */
  readonly reply?: boolean;
  /** Whether it has the options of SYN segments. */
  readonly syn?: boolean;
  /** MSS of SYN segments in bytes. */
  readonly mss?: number;
  /** Begin of the payload, the same in all packets. */
  readonly payload?: Uint8Array;
  /** ICMP identifier. */
  readonly identifier?: number;
  /** The frame of `LaneKind.Frame`; the packet of `LaneKind.Packet`, from its IP header on. */
  readonly given?: Uint8Array;
  /** UDP port of VXLAN. */
  readonly vxlanPort: number;
  /** MTU of the way, in bytes. */
  readonly mtu: number;
  readonly vlan?: number | undefined;
  readonly innerVlan?: number | undefined;
  /** TTL of the inner header. @default 64 */
  readonly ttl?: number;
  /** Outer source address, if it isn't the node's; `translated` if its checksums still have the node's. */
  readonly outerSource?: Uint8Array;
  readonly translated?: boolean;
  /** First word of the VXLAN header. @default 0x08000000: the I flag */
  readonly vxlanFlags?: number;
  /** Whether outer packets must not be fragmented. @default false, as with Linux's vxlan */
  readonly dontFragment?: boolean;
}
