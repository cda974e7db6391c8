/**
 * The way of a packet off the wire: link layer, IP, reassembly, ESP, then VXLAN decapsulation. Without keys encrypted
 * packets end as ESP with their SPI and sequence number; with them a copy of the packet is opened and goes on, so the
 * caller's bytes stay as they were.
 *
 *     record -> walkLink -> fragment? -> Reassembler -> ESP?   -> InboundEsp -+   (no keys: Verdict.Esp)
 *                                             |                               |
 *                                             +-> VXLAN? -> Verdict.Frame <---+
 *
 * What is neither VXLAN nor ESP but another encapsulation (GRE, MPLS, PPPoE, Geneve, ...) is looked into, four deep.
 */
import { Reassembler, type ReassemblerOptions, ReassemblyOutcome } from '../fragment/index.js';
import { ESP_HEADER_BYTES, EspDrop, type InboundEsp } from '../ipsec/index.js';
import { getWord } from '../memory/word.js';
import { WordCopy } from '../memory/word-copy.js';
import {
  checkEsp,
  checkVxlan,
  EncapsulationWalk,
  ESP_SPAN,
  ESP_UDP_PORT,
  EspView,
  ETHERNET_SPAN,
  EtherType,
  Fault,
  IpProtocol,
  isLinkTypeKnown,
  ipv4ChecksumHolds,
  Layers,
  UDP_SPAN,
  udpChecksumHolds,
  VXLAN_FLAG_G,
  VXLAN_PORT,
  VXLAN_SPAN,
  VxlanReserved,
  VxlanView,
  walkLink,
} from '../wire/index.js';
import { DROP_REASONS, DropReason, dropReasonOfEsp, dropReasonOfFault, dropReasonOfReassembly } from './drop-reason.js';
import { VniCounts } from './vni-counts.js';
import { VxlanGuess } from './vxlan-guess.js';

/** What became of a packet. */
export const Verdict = {
  /** It carried an inner frame: `outerBytes` from `frameOffset` to `frameEnd`. */
  Frame: 0,
  /** It is a fragment and waits for the others. */
  Held: 1,
  /** It is encrypted, and no keys were given. */
  Esp: 2,
  /** It is no overlay traffic. */
  Other: 3,
  /** It went no further: `reason` says why. */
  Dropped: 4,
  /** It carried an inner frame of another VNI than the one that was asked for. */
  Filtered: 5,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** How packets off the wire are read. */
export interface IngressOptions {
  /**
   * UDP port of VXLAN, or several.
   * @default 4789
   */
  readonly port?: number | readonly number[];
  /** The only VNI to let through. Default: all. */
  readonly vni?: number;
  /** What to do with reserved VXLAN bits; as Linux does (refuse) if not said. */
  readonly reserved?: VxlanReserved;
  /**
   * Whether wrong outer checksums drop a packet, as the kernel's receiver does. Off if not said: captures that were
   * taken on the sending host hold checksums that the network card was still to fill in.
   */
  readonly verifyChecksums?: boolean;
  readonly reassembly?: ReassemblerOptions;
  /** What opens ESP packets, each in a copy of its own; without it they are only counted by SPI. */
  readonly esp?: InboundEsp;
}

// Own constants are folded into the code, imported ones aren't (see wire/layers.ts).
const NONE = Fault.None;
const UDP = IpProtocol.Udp;
const ESP = IpProtocol.Esp;
const ESP_PORT = ESP_UDP_PORT;
const VXLAN_HEADER = VXLAN_SPAN;
const ETHERNET_HEADER = ETHERNET_SPAN;
const ESP_HEADER = ESP_HEADER_BYTES;
const BRIDGING = EtherType.Bridging;

/** Encapsulations inside each other that are looked into, at most. */
export const MAX_ENCAPSULATIONS = 4;
/** Below this, ports belong to servers (RFC 6335 section 6), and a NAT gives none of them away (RFC 4787, REQ-3). */
const FIRST_USER_PORT = 1024;
/** IKE's own port, from which it may go to 4500 (RFC 3947 section 4). */
const IKE_PORT = 500;

/** What a capture holds is walked as such. */
function captureLayers(): Layers {
  return new Layers({ fromCapture: true });
}

/** Whether a UDP packet's ports are those of ESP in UDP, and 4500 isn't just the port that another program's client got. */
function isEspPorts(source: number, destination: number): boolean {
  if (destination === ESP_PORT) return source >= FIRST_USER_PORT || source === IKE_PORT;
  return source === ESP_PORT && (destination >= FIRST_USER_PORT || destination === IKE_PORT);
}
/** The longest IP packet: an IPv6 header and 65,535 bytes. Room for longer ones is made when they come. */
const LONGEST_PACKET = 65_575;

/**
 * The receiving side of a VTEP, one packet at a time. Results are in its fields until the next call. The packets that it
 * is given are never written to.
 */
export class Ingress {
  /** Why the last packet was dropped. */
  reason: DropReason = DropReason.None;
  /**
   * The walk over the outer headers: of the reassembled packet where the last one completed it, of the packet that ESP
   * held where it was opened, of the packet inside where it came in other encapsulations.
   */
  outer: Layers;
  /**
   * What `outer` and `frameOffset` point into: the bytes that were given, those of the reassembled packet, or those of the
   * opened one.
   */
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
  /** Encapsulations (besides VXLAN and ESP) that `outer` was found in, the outermost first; `depth` of them. */
  readonly encapsulations = new Uint8Array(MAX_ENCAPSULATIONS);
  depth = 0;
  /** Where the Ethernet header before `outer` begins if it stands in an encapsulation, or -1. */
  innerLink = -1;
  /** Held fragments that fell with the last one, which was dropped or is too late for them. */
  fallen = 0;
  /** Whether the last packet was ESP, opened or not; the fields that follow are of it then. */
  encrypted = false;
  /** Whether its ICV was right and the packet that it held went on. */
  opened = false;
  spi = 0;
  /** The lower 32 bits of the sequence number. */
  sequence = 0;
  /** The upper ones: 0 but for an opened packet with extended sequence numbers. */
  sequenceHigh = 0;
  /** Whether the ESP packet came in UDP (RFC 3948). */
  espInUdp = false;
  /** Its addresses, source before destination, of IP version `espFamily`. */
  readonly espAddresses = new Uint8Array(32);
  espFamily = 0;
  /** Bytes of the IP packet. */
  espBytes = 0;
  /** The IV that stands in it, or what would be one, and its last 4 bytes; 0 if the capture ends before. */
  hasIv = false;
  ivHigh = 0;
  ivLow = 0;
  icvEnd = 0;
  /** What stands in the 8 bytes behind it, mixed to a word: of AES-GCM the first ones sealed; 0 if the capture ends before. */
  afterIv = 0;

  /** Packets that came. packets = framePackets + espPackets + otherPackets + held + filtered.packets + all drops. */
  packets = 0;
  /** Inner frames, and the packets that they came in. */
  frames = 0;
  framePackets = 0;
  /** ESP packets that no one tried to open, and those that were opened (which count as what they held, too). */
  espPackets = 0;
  openedPackets = 0;
  otherPackets = 0;
  /** Packets of other VNIs than the one that was asked for. */
  readonly filtered = new VniCounts();
  /** Packets dropped for reserved VXLAN bits, and those of them that carry a group policy (GBP). */
  readonly reserved = new VniCounts();
  policyPackets = 0;
  /** Other packets that look like VXLAN on another port. */
  readonly guess = new VxlanGuess();
  readonly reassembler: Reassembler;

  readonly #drops = new Float64Array(DROP_REASONS);
  readonly #port: number;
  readonly #otherPorts: readonly number[];
  readonly #vni: number;
  readonly #reserved: VxlanReserved;
  readonly #verifyChecksums: boolean;
  readonly #vxlan = new VxlanView();
  readonly #esp = new EspView();
  readonly #wire = captureLayers();
  readonly #inbound: InboundEsp | undefined;
  /** Where packets are opened, and the walk over the one that is there. */
  #opening = new Uint8Array(0);
  #openingCopy: WordCopy | undefined;
  readonly #sealed = captureLayers();
  /** The walk over what ESP held. */
  readonly #inside = captureLayers();
  /** Fragments that ESP held (tunnel mode): clear ones must not be mixed with them. */
  readonly #insideReassembler: Reassembler;
  /** Walks over what encapsulations hold, one after the other: each is read while the next is filled. */
  readonly #below = captureLayers();
  readonly #deeper = captureLayers();
  readonly #encapsulation = new EncapsulationWalk();
  /** Fragments in encapsulations, whose identifications are other senders' than those on the wire; made when one comes. */
  #belowReassembler: Reassembler | undefined;
  readonly #reassembly: ReassemblerOptions | undefined;
  /** Whether the last packet left fields set that a plain one doesn't touch. */
  #unusual = false;

  constructor(options: IngressOptions = {}) {
    const { port = VXLAN_PORT } = options;
    const ports = typeof port === 'number' ? [port] : port;
    this.#port = ports[0] ?? VXLAN_PORT;
    this.#otherPorts = ports.slice(1);
    this.#reassembly = options.reassembly;
    this.#vni = options.vni ?? -1;
    this.#reserved = options.reserved ?? VxlanReserved.Refuse;
    this.#verifyChecksums = options.verifyChecksums ?? false;
    this.reassembler = new Reassembler(options.reassembly);
    this.#insideReassembler = new Reassembler(options.reassembly);
    this.#inbound = options.esp;
    this.outer = this.#wire;
  }

  /** Fragments that wait for the others. */
  get held(): number {
    const below = this.#belowReassembler?.heldFragments ?? 0;
    return this.reassembler.heldFragments + this.#insideReassembler.heldFragments + below;
  }

  /** Packets dropped so far, by `DropReason`. */
  drops(): Float64Array {
    const drops = this.#drops.slice();
    for (const reassembler of [this.reassembler, this.#insideReassembler, this.#belowReassembler]) {
      reassembler?.droppedFragments.forEach((count, drop) => {
        drops[dropReasonOfReassembly(drop as Parameters<typeof dropReasonOfReassembly>[0])] += count;
      });
    }
    return drops;
  }

  /**
   * Takes one packet.
   * @param linkType LINKTYPE_ number of what stands at `offset`
   * @param bytes what the packet stands in; not written to
   * @param end where the captured bytes end
   * @param limit where the packet ended on the wire
   * @param seconds packet time, for reassembly
   */
  receive(linkType: number, bytes: Uint8Array, offset: number, end: number, limit: number, seconds: number): Verdict {
    if (this.#unusual) this.#forget();
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
    // What nearly every packet is, before anything else is asked. Fragments have no ports.
    if (outer.destinationPort === this.#port && outer.protocol === UDP) return this.#decapsulate();
    return outer.isFragment ? this.#fragment(this.reassembler, seconds) : this.#datagram(seconds);
  }

  #forget(): void {
    this.#unusual = false;
    this.encrypted = false;
    this.opened = false;
    this.outer = this.#wire;
    this.depth = 0;
    this.innerLink = -1;
    this.fallen = 0;
  }

  #fragment(reassembler: Reassembler, seconds: number): Verdict {
    const { outer } = this;
    const held = reassembler.heldFragments;
    const outcome = reassembler.push(this.outerBytes, outer, this.capturedEnd, seconds);
    if (outcome === ReassemblyOutcome.Held) return Verdict.Held;
    if (outcome === ReassemblyOutcome.Dropped) {
      // Counted by the reassembler, with the parts that fell with it.
      this.reason = dropReasonOfReassembly(reassembler.drop);
      this.fallen = held - reassembler.heldFragments;
      this.#unusual = true;
      return Verdict.Dropped;
    }
    this.outerBytes = reassembler.bytes;
    this.capturedEnd = reassembler.end;
    this.parts = reassembler.parts;
    const fault = outer.walkNetwork(reassembler.bytes, outer.etherType, reassembler.start, reassembler.end);
    if (fault !== NONE) return this.#drop(dropReasonOfFault(fault, outer.layer));
    // A fragment in a fragment: no sender makes them, and unpacking one more is an invitation.
    if (outer.isFragment) return this.#drop(DropReason.Ipv6ExtensionHeader);
    return this.#datagram(seconds);
  }

  #datagram(seconds: number): Verdict {
    const { outer, outerBytes } = this;
    if (outer.protocol === UDP && outer.family !== 0) {
      const { destinationPort } = outer;
      if (destinationPort === this.#port || this.#otherPorts.includes(destinationPort)) return this.#decapsulate();
      if (isEspPorts(outer.sourcePort, destinationPort)) return this.#espInUdp(seconds);
    } else if (outer.protocol === ESP && outer.family !== 0) {
      const end = Math.min(this.capturedEnd, outer.networkEnd);
      const fault = checkEsp(outerBytes, outer.transportOffset, end);
      if (fault === NONE) return this.#encrypted(outer.transportOffset, outer.networkEnd, seconds);
      const cut = fault === Fault.Short && end < outer.networkEnd;
      return this.#drop(cut ? DropReason.CaptureTruncated : DropReason.EspHeader);
    }
    return this.#beneath(seconds);
  }

  /** Goes on inside another encapsulation. What isn't sound in there is other traffic still, as its carrier is. */
  #beneath(seconds: number): Verdict {
    const { outer, outerBytes: bytes, depth } = this;
    const walk = this.#encapsulation;
    if (depth === MAX_ENCAPSULATIONS || !walk.open(bytes, outer, this.capturedEnd)) return this.#other();
    const inside = outer === this.#below ? this.#deeper : this.#below;
    const { offset, limit } = walk;
    const end = Math.min(this.capturedEnd, limit);
    const framed = walk.etherType === BRIDGING;
    const fault = framed
      ? inside.walkEthernet(bytes, offset, end, limit)
      : inside.walkNetwork(bytes, walk.etherType, offset, end, limit);
    // A fragment in a fragment, as above.
    if (fault !== NONE || (inside.isFragment && this.parts > 1)) return this.#other();
    this.#unusual = true;
    this.encapsulations[depth] = walk.kind;
    this.depth = depth + 1;
    this.innerLink = framed ? offset : -1;
    this.outer = inside;
    if (!inside.isFragment) return this.#datagram(seconds);
    if (this.opened) return this.#fragment(this.#insideReassembler, seconds);
    this.#belowReassembler ??= new Reassembler(this.#reassembly);
    return this.#fragment(this.#belowReassembler, seconds);
  }

  #decapsulate(): Verdict {
    const { outer, outerBytes } = this;
    const end = Math.min(this.capturedEnd, outer.payloadEnd);
    const whole = end === outer.payloadEnd;
    // What the sender's card was still to cut has no checksums of its own yet.
    if (this.#verifyChecksums && whole && !outer.lengthUnset) {
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
      return fault === Fault.ReservedBits ? this.#refuse() : this.#drop(DropReason.VxlanInvalidHeader);
    }
    const { vni } = this.#vxlan.wrap(outerBytes, outer.payloadOffset);
    if (this.#vni >= 0 && vni !== this.#vni) {
      this.filtered.add(vni, this.parts);
      return Verdict.Filtered;
    }
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

  /** Drops VXLAN with reserved bits, and notes whose it is. */
  #refuse(): Verdict {
    const { vni, flags } = this.#vxlan.wrap(this.outerBytes, this.outer.payloadOffset);
    this.reserved.add(vni, this.parts);
    if ((flags & VXLAN_FLAG_G) !== 0) this.policyPackets += this.parts;
    return this.#drop(DropReason.VxlanReservedBits);
  }

  #espInUdp(seconds: number): Verdict {
    const { outer, outerBytes } = this;
    const end = Math.min(this.capturedEnd, outer.payloadEnd);
    // RFC 3948: one byte 0xff keeps the NAT open, four zero bytes are IKE's mark; neither is ESP.
    const fault = checkEsp(outerBytes, outer.payloadOffset, end);
    if (fault === Fault.Short && end < outer.payloadEnd) return this.#drop(DropReason.CaptureTruncated);
    if (fault !== NONE) return this.#other();
    return this.#encrypted(outer.payloadOffset, outer.payloadEnd, seconds);
  }

  /** @param packetEnd where the ICV ends on the wire */
  #encrypted(offset: number, packetEnd: number, seconds: number): Verdict {
    // ESP in ESP: no overlay makes it, and each layer more would cost an opening.
    if (this.opened) return this.#other();
    const { outer, outerBytes: bytes } = this;
    const end = Math.min(this.capturedEnd, packetEnd);
    const esp = this.#esp.wrap(bytes, offset);
    this.encrypted = true;
    this.#unusual = true;
    this.spi = esp.spi;
    this.sequence = esp.sequence;
    this.sequenceHigh = 0;
    this.espInUdp = offset !== outer.transportOffset;
    this.espFamily = outer.family;
    this.espBytes = outer.networkEnd - outer.networkOffset;
    const span = outer.family === 4 ? 8 : 32;
    for (let i = 0; i < span; i++) this.espAddresses[i] = bytes[outer.addressOffset + i];
    const withIv = offset + ESP_HEADER + 4 <= end;
    this.hasIv = withIv;
    this.ivHigh = withIv ? getWord(bytes, offset + ESP_SPAN) : 0;
    this.ivLow = withIv ? getWord(bytes, offset + ESP_SPAN + 4) : 0;
    this.icvEnd = withIv ? getWord(bytes, end - 4) : 0;
    const after = offset + ESP_HEADER;
    this.afterIv = after + 8 <= end ? Math.imul(getWord(bytes, after), 0x9e3779b1) ^ getWord(bytes, after + 4) : 0;
    const inbound = this.#inbound;
    if (inbound === undefined) {
      this.espPackets += this.parts;
      return Verdict.Esp;
    }
    if (end < packetEnd) return this.#drop(DropReason.CaptureTruncated);
    // A reassembled packet is a copy already.
    const owned = bytes === this.reassembler.bytes;
    const shift = owned ? 0 : outer.networkOffset;
    const sealed = owned ? outer : this.#copyToOpen();
    const opening = owned ? bytes : this.#opening;
    const drop = inbound.open(opening, sealed, offset - shift, end - shift, seconds);
    if (drop !== EspDrop.None) return this.#drop(dropReasonOfEsp(drop));
    this.outerBytes = opening;
    this.sequenceHigh = inbound.sequenceHigh;
    this.opened = true;
    this.openedPackets += this.parts;
    const inside = this.#inside;
    this.outer = inside;
    this.capturedEnd = inbound.end;
    const fault = inside.walkNetwork(opening, inbound.etherType, inbound.start, inbound.end);
    if (fault !== NONE) return this.#drop(dropReasonOfFault(fault, inside.layer));
    if (!inside.isFragment) return this.#datagram(seconds);
    // A fragment in a fragment, as above.
    if (this.parts > 1) return this.#drop(DropReason.Ipv6ExtensionHeader);
    return this.#fragment(this.#insideReassembler, seconds);
  }

  /** Copies the IP packet to where it is opened, and walks over it there. */
  #copyToOpen(): Layers {
    const { outer, outerBytes } = this;
    const start = outer.networkOffset;
    const length = Math.min(this.capturedEnd, outer.networkEnd) - start;
    let copy = this.#openingCopy;
    if (copy === undefined || length > this.#opening.length) {
      this.#opening = new Uint8Array(Math.max(LONGEST_PACKET, length));
      copy = new WordCopy(this.#opening);
      this.#openingCopy = copy;
    }
    copy.copy(outerBytes, start, start + length, 0);
    this.#sealed.walkNetwork(this.#opening, outer.etherType, 0, length, outer.networkEnd - start);
    return this.#sealed;
  }

  #other(): Verdict {
    this.otherPackets += this.parts;
    const { outer } = this;
    if (outer.protocol === UDP && outer.family !== 0) {
      const end = Math.min(this.capturedEnd, outer.payloadEnd);
      this.guess.add(outer.destinationPort, this.outerBytes, outer.payloadOffset, end, this.parts);
    }
    return Verdict.Other;
  }

  #drop(reason: DropReason): Verdict {
    this.reason = reason;
    this.#drops[reason] += this.parts;
    return Verdict.Dropped;
  }
}
