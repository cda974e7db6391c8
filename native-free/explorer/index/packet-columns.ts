/** What the explorer knows of each packet, as typed columns of fixed size: 49 bytes a packet, whatever is in it. */

/** Packets of a part of the columns. */
export const PART_PACKETS = 1 << 16;
/** Id of what a packet doesn't have. */
export const NO_ID = 0xffff;
export { FLOW_REVERSED, NO_FLOW } from './flow-columns.js';

/** Bits of `marks`. */
export const PacketMark = {
  /** ESP, whether decrypted or not. */
  Encrypted: 1,
  /** ESP that was decrypted. */
  Opened: 2,
  /** A fragment of a packet: on the wire, or inside ESP. */
  Fragment: 4,
  /** The last fragment that completed a packet. */
  Reassembled: 8,
  /** The capture has only the packet's beginning. */
  Truncated: 16,
  /** A checksum of the inner frame, or the outer packet, is wrong. */
  BadChecksum: 32,
  /** It has no usable time. */
  NoTime: 64,
  /** Its ESP is encapsulated in UDP. */
  EspInUdp: 128,
  /** The inner frame is broadcast or multicast. */
  Group: 256,
  /** The inner frame is IPv6, or, without an inner frame, the outer packet. */
  Ipv6: 512,
} as const;

/** Innermost protocol that is known, in `protocol`. */
export const PacketProtocol = {
  Unknown: 0,
  Arp: 1,
  Ip: 2,
  Icmp: 3,
  Icmpv6: 4,
  Tcp: 5,
  Udp: 6,
  Dns: 7,
  Esp: 8,
  /** Swarm's gossip: port 7946. */
  Gossip: 9,
} as const;
export type PacketProtocol = (typeof PacketProtocol)[keyof typeof PacketProtocol];

/** A run of packets, in the order of the captures. */
export class PacketPart {
  /** Number of packets. */
  count = 0;
  /** Offset of the packet's bytes in the file. */
  readonly position: Float64Array;
  /** Nanoseconds since the first packet with a time; may be negative. NaN without a time. */
  readonly time: Float64Array;
  /** Captured bytes. */
  readonly captured: Uint32Array;
  /** Bytes on the wire. */
  readonly length: Uint32Array;
  /** Id of its flow (`FlowColumns`), with `FLOW_REVERSED`; or `NO_FLOW`. */
  readonly flow: Uint32Array;
  /** The lower 32 bits of ESP's sequence number. */
  readonly sequence: Uint32Array;
  /** Id of its network (VNI), or `NO_ID`. */
  readonly network: Uint16Array;
  /** Id of the direction between its VTEPs or hosts: outer source and destination; or `NO_ID`. */
  readonly tunnel: Uint16Array;
  /** Id of its SA: SPI and destination; or `NO_ID`. */
  readonly sa: Uint16Array;
  /** Bytes of its inner frame, at most 65,535; 0 for none. */
  readonly inner: Uint16Array;
  /** Id of its interface. */
  readonly interface: Uint16Array;
  /** Bits: `PacketMark`. */
  readonly marks: Uint16Array;
  /** Index of its file. */
  readonly file: Uint8Array;
  /** `Verdict` of vtep/dataplane. */
  readonly verdict: Uint8Array;
  /** `DropReason` of vtep/dataplane. */
  readonly reason: Uint8Array;
  /** `PacketProtocol`. */
  readonly protocol: Uint8Array;
  /** Flags of TCP (`TcpFlag`, the lower 8). */
  readonly tcpFlags: Uint8Array;

  constructor(readonly capacity = PART_PACKETS) {
    this.position = new Float64Array(capacity);
    this.time = new Float64Array(capacity);
    this.captured = new Uint32Array(capacity);
    this.length = new Uint32Array(capacity);
    this.flow = new Uint32Array(capacity);
    this.sequence = new Uint32Array(capacity);
    this.network = new Uint16Array(capacity);
    this.tunnel = new Uint16Array(capacity);
    this.sa = new Uint16Array(capacity);
    this.inner = new Uint16Array(capacity);
    this.interface = new Uint16Array(capacity);
    this.marks = new Uint16Array(capacity);
    this.file = new Uint8Array(capacity);
    this.verdict = new Uint8Array(capacity);
    this.reason = new Uint8Array(capacity);
    this.protocol = new Uint8Array(capacity);
    this.tcpFlags = new Uint8Array(capacity);
  }
}
