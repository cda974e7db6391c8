/**
 * The way of a packet off the wire: link layer, IP, reassembly, then VXLAN decapsulation. Encrypted packets end here as
 * ESP with their SPI and sequence number; opening them comes in between reassembly and decapsulation.
 *
 *     record -> walkLink -> fragment? -> Reassembler -> ESP?   -> Verdict.Esp
 *                                                    -> VXLAN? -> Verdict.Frame
 */
import { isLinkTypeKnown, walkLink } from '../capture/link-type.js';
import { Reassembler, type ReassemblerOptions, ReassemblyOutcome } from '../fragment/index.js';
import {
  checkEsp,
  checkVxlan,
  ESP_UDP_PORT,
  EspView,
  ETHERNET_SPAN,
  Fault,
  IpProtocol,
  ipv4ChecksumHolds,
  Layers,
  UDP_SPAN,
  udpChecksumHolds,
  VXLAN_PORT,
  VXLAN_SPAN,
  VxlanReserved,
  VxlanView,
} from '../wire/index.js';
import { DROP_REASONS, DropReason, dropReasonOfFault, dropReasonOfReassembly } from './drop-reason.js';

/** What became of a packet. */
export const Verdict = {
  /** It carried an inner frame, which stands in `frameBytes`. */
  Frame: 0,
  /** It is a fragment and waits for the others. */
  Held: 1,
  /** It is encrypted. */
  Esp: 2,
  /** It is no overlay traffic. */
  Other: 3,
  /** It went no further: `reason` says why. */
  Dropped: 4,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** How packets off the wire are read. */
export interface IngressOptions {
  /** UDP port of VXLAN; 4789. */
  readonly port?: number;
  /** The only VNI to let through; all if not said. */
  readonly vni?: number;
  /** What to do with reserved VXLAN bits; as Linux does (refuse) if not said. */
  readonly reserved?: VxlanReserved;
  /**
   * Whether wrong outer checksums drop a packet, as the kernel's receiver does. Off if not said: captures that were
   * taken on the sending host hold checksums that the network card was still to fill in.
   */
  readonly verifyChecksums?: boolean;
  readonly reassembly?: ReassemblerOptions;
}

// Own constants are folded into the code, imported ones aren't (see wire/layers.ts).
const NONE = Fault.None;
const UDP = IpProtocol.Udp;
const ESP = IpProtocol.Esp;
const ESP_PORT = ESP_UDP_PORT;
const VXLAN_HEADER = VXLAN_SPAN;
const ETHERNET_HEADER = ETHERNET_SPAN;

/** The receiving side of a VTEP, one packet at a time. Results stand in its fields until the next call. */
export class Ingress {
  /** Why the last packet was dropped. */
  reason: DropReason = DropReason.None;
  /** The walk over the outer headers: of the reassembled packet where the last one completed it. */
  readonly outer = new Layers();
  /** What `outer` points into. */
  outerBytes: Uint8Array = new Uint8Array(0);
  /** Packets that the last verdict speaks of: as many as there were fragments, 1 otherwise. */
  parts = 1;
  /** VNI of the inner frame, or -1. Set too where the frame was dropped because it isn't whole. */
  vni = -1;
  /** Where the inner frame begins and ends in `outerBytes`; the end lies beyond `capturedEnd` if it isn't whole. */
  frameOffset = 0;
  frameEnd = 0;
  /** Where the captured bytes end. */
  capturedEnd = 0;
  /** Of an ESP packet. */
  spi = 0;
  sequence = 0;
  /** Whether the ESP packet came in UDP (RFC 3948). */
  espInUdp = false;

  /** Packets that came. packets = framePackets + espPackets + otherPackets + held + the sum of all drops. */
  packets = 0;
  /** Inner frames, and the packets that they came in. */
  frames = 0;
  framePackets = 0;
  espPackets = 0;
  otherPackets = 0;
  readonly reassembler: Reassembler;

  readonly #drops = new Float64Array(DROP_REASONS);
  readonly #port: number;
  readonly #vni: number;
  readonly #reserved: VxlanReserved;
  readonly #verifyChecksums: boolean;
  readonly #vxlan = new VxlanView();
  readonly #esp = new EspView();

  constructor(options: IngressOptions = {}) {
    this.#port = options.port ?? VXLAN_PORT;
    this.#vni = options.vni ?? -1;
    this.#reserved = options.reserved ?? VxlanReserved.Refuse;
    this.#verifyChecksums = options.verifyChecksums ?? false;
    this.reassembler = new Reassembler(options.reassembly);
  }

  /** Fragments that wait for the others. */
  get held(): number {
    return this.reassembler.heldFragments;
  }

  /** Packets dropped so far, by `DropReason`. */
  drops(): Float64Array {
    const drops = this.#drops.slice();
    this.reassembler.droppedFragments.forEach((count, drop) => {
      drops[dropReasonOfReassembly(drop as Parameters<typeof dropReasonOfReassembly>[0])] += count;
    });
    return drops;
  }

  /**
   * Takes one packet.
   * @param linkType LINKTYPE_ number of what stands at `offset`
   * @param bytes what the packet stands in
   * @param end where the captured bytes end
   * @param limit where the packet ended on the wire
   * @param seconds packet time, for reassembly
   */
  receive(linkType: number, bytes: Uint8Array, offset: number, end: number, limit: number, seconds: number): Verdict {
    const { outer } = this;
    this.packets++;
    this.outerBytes = bytes;
    this.capturedEnd = end;
    this.parts = 1;
    this.vni = -1;
    const fault = walkLink(outer, linkType, bytes, offset, end, limit);
    if (fault !== NONE) {
      if (fault === Fault.BadValue && !isLinkTypeKnown(linkType)) return this.#drop(DropReason.LinkTypeUnknown);
      return this.#drop(dropReasonOfFault(fault, outer.layer));
    }
    if (!outer.isFragment) return this.#datagram();
    const outcome = this.reassembler.push(bytes, outer, end, seconds);
    if (outcome === ReassemblyOutcome.Held) return Verdict.Held;
    if (outcome === ReassemblyOutcome.Dropped) {
      // Counted by the reassembler, with the parts that fell with it.
      this.reason = dropReasonOfReassembly(this.reassembler.drop);
      return Verdict.Dropped;
    }
    return this.#reassembled();
  }

  #reassembled(): Verdict {
    const { outer, reassembler } = this;
    this.outerBytes = reassembler.bytes;
    this.capturedEnd = reassembler.end;
    this.parts = reassembler.parts;
    const fault = outer.walkNetwork(reassembler.bytes, outer.etherType, reassembler.start, reassembler.end);
    if (fault !== NONE) return this.#drop(dropReasonOfFault(fault, outer.layer));
    // A fragment in a fragment: no sender makes them, and unpacking one more is an invitation.
    if (outer.isFragment) return this.#drop(DropReason.Ipv6ExtensionHeader);
    return this.#datagram();
  }

  #datagram(): Verdict {
    const { outer, outerBytes } = this;
    if (outer.protocol === UDP && outer.family !== 0) {
      if (outer.destinationPort === this.#port) return this.#decapsulate();
      const natTraversal = outer.destinationPort === ESP_PORT || outer.sourcePort === ESP_PORT;
      if (natTraversal) return this.#espInUdp();
    } else if (outer.protocol === ESP && outer.family !== 0) {
      const end = Math.min(this.capturedEnd, outer.networkEnd);
      const fault = checkEsp(outerBytes, outer.transportOffset, end);
      if (fault === NONE) return this.#encrypted(outer.transportOffset, false);
      const cut = fault === Fault.Short && end < outer.networkEnd;
      return this.#drop(cut ? DropReason.CaptureTruncated : DropReason.EspHeader);
    }
    return this.#other();
  }

  #decapsulate(): Verdict {
    const { outer, outerBytes } = this;
    const end = Math.min(this.capturedEnd, outer.payloadEnd);
    const whole = end === outer.payloadEnd;
    if (this.#verifyChecksums && whole) {
      if (outer.family === 4 && !ipv4ChecksumHolds(outerBytes, outer.networkOffset)) {
        return this.#drop(DropReason.IpChecksum);
      }
      if (!udpChecksumHolds(outerBytes, outer.payloadOffset - UDP_SPAN, outer.family, outer.addressOffset)) {
        return this.#drop(DropReason.UdpChecksum);
      }
    }
    const fault = checkVxlan(outerBytes, outer.payloadOffset, end, this.#reserved);
    if (fault !== NONE) {
      if (fault === Fault.Short && !whole) return this.#drop(DropReason.CaptureTruncated);
      return this.#drop(fault === Fault.ReservedBits ? DropReason.VxlanReservedBits : DropReason.VxlanInvalidHeader);
    }
    const { vni } = this.#vxlan.wrap(outerBytes, outer.payloadOffset);
    if (this.#vni >= 0 && vni !== this.#vni) return this.#drop(DropReason.VxlanVniNotFound);
    const frameOffset = outer.payloadOffset + VXLAN_HEADER;
    if (frameOffset + ETHERNET_HEADER > outer.payloadEnd) return this.#drop(DropReason.PacketTooSmall);
    this.vni = vni;
    this.frameOffset = frameOffset;
    this.frameEnd = outer.payloadEnd;
    if (!whole) return this.#drop(DropReason.CaptureTruncated);
    this.frames++;
    this.framePackets += this.parts;
    return Verdict.Frame;
  }

  #espInUdp(): Verdict {
    const { outer, outerBytes } = this;
    const end = Math.min(this.capturedEnd, outer.payloadEnd);
    // RFC 3948: one byte 0xff keeps the NAT open, four zero bytes are IKE's mark; neither is ESP.
    const fault = checkEsp(outerBytes, outer.payloadOffset, end);
    if (fault === Fault.Short && end < outer.payloadEnd) return this.#drop(DropReason.CaptureTruncated);
    if (fault !== NONE) return this.#other();
    return this.#encrypted(outer.payloadOffset, true);
  }

  #encrypted(offset: number, inUdp: boolean): Verdict {
    const esp = this.#esp.wrap(this.outerBytes, offset);
    this.spi = esp.spi;
    this.sequence = esp.sequence;
    this.espInUdp = inUdp;
    this.espPackets += this.parts;
    return Verdict.Esp;
  }

  #other(): Verdict {
    this.otherPackets += this.parts;
    return Verdict.Other;
  }

  #drop(reason: DropReason): Verdict {
    this.reason = reason;
    this.#drops[reason] += this.parts;
    return Verdict.Dropped;
  }
}
