/**
 * Decodes what captures of an underlay hold: link layer, IP, reassembly, ESP, then VXLAN. Without keys encrypted packets end
 * as ESP with their SPI and sequence number; with them a copy of the packet is opened and goes on, so the caller's bytes stay
 * as they were.
 *
 *     record -> walkLink -> fragment? -> Reassembly -> ESP?   -> InboundEsp -+   (no keys: Verdict.Esp)
 *                                            |                               |
 *                                            +-> VXLAN? -> Verdict.Frame <---+
 *
 * What is neither VXLAN nor ESP but another encapsulation (GRE, MPLS, PPPoE, Geneve, ...) is looked into, four deep.
 *
 * What a packet is, and what is wrong with it, `Classifier`, `Reassembly` and `VxlanStrip` decide, which a node's ingress
 * goes by as well. A node knows its topology besides, and drops what isn't for it; a capture is cut off here and there, holds
 * both ways of many nodes, and is to be shown as it is.
 */
import { type Reassembler, ReassemblyOutcome } from '../fragment/index.js';
import { ESP_HEADER_BYTES, EspDrop, type InboundEsp } from '../ipsec/index.js';
import { getWord } from '../memory/word.js';
import { WordCopy } from '../memory/word-copy.js';
import {
  EncapsulationWalk,
  ESP_SPAN,
  EspView,
  EtherType,
  Fault,
  IpProtocol,
  isLinkTypeKnown,
  Layers,
  VXLAN_FLAG_G,
  VXLAN_PORT,
  VXLAN_SPAN,
  VxlanView,
  walkLink,
} from '../wire/index.js';
import { DROP_REASONS, DropReason, dropReasonOfEsp, dropReasonOfFault, dropReasonOfReassembly } from './drop-reason.js';
import { Classifier, PacketKind } from './packet-kind.js';
import { FragmentSource, Reassembly, walkReassembled } from './reassembly.js';
import type { UnderlayDecoderOptions } from './underlay-decoder-options.js';
import { Verdict } from './verdict.js';
import { VniCounts } from './vni-counts.js';
import { VxlanGuess } from './vxlan-guess.js';
import { holdsFrame, VxlanStrip } from './vxlan-strip.js';

/** Encapsulations inside each other that are looked into, at most. */
export const MAX_ENCAPSULATIONS = 4;
/** What a capture holds is walked as such. */
function captureLayers(): Layers {
  return new Layers({ fromCapture: true });
}

/** The longest IP packet: an IPv6 header and 65,535 bytes. Room for longer ones is made when they come. */
const LONGEST_PACKET = 65_575;

/**
 * Decodes packets one at a time. Results are in its fields until the next call. The packets that it is given are never
 * written to.
 */
export class UnderlayDecoder {
  /** Why the last packet was dropped. */
  reason: DropReason = DropReason.None;
  /**
   * The walk over the outer headers: of the reassembled packet where the last one completed it, of the packet that ESP
   * held where it was opened, of the packet inside where it came in other encapsulations.
   */
  outer: Layers;
  /**
   * What `outer` and `frameOffset` point into: the bytes that were given, or a copy of them.
   */
  outerBytes: Uint8Array = new Uint8Array(0);
  /** Whether `outerBytes` is a copy: of a packet that was reassembled, opened, or marked. */
  copied = false;
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
  readonly reassembly: Reassembly;

  readonly #drops = new Float64Array(DROP_REASONS);
  readonly #classifier: Classifier;
  readonly #strip: VxlanStrip;
  readonly #vni: number;
  readonly #verifyChecksums: boolean;
  readonly #applyEcn: boolean;
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
  /** Walks over what encapsulations hold, one after the other: each is read while the next is filled. */
  readonly #below = captureLayers();
  readonly #deeper = captureLayers();
  readonly #encapsulation = new EncapsulationWalk();
  /** Whether the last packet left fields set that a plain one doesn't touch. */
  #unusual = false;

  constructor(options: UnderlayDecoderOptions = {}) {
    const { port = VXLAN_PORT } = options;
    const ports = typeof port === 'number' ? [port] : port;
    const verify = options.verifyChecksums ?? false;
    const checks = { verifyIp: verify, verifyUdp: verify };
    this.#classifier = new Classifier({ ports: ports.length > 0 ? ports : [VXLAN_PORT], ...checks });
    this.#strip = new VxlanStrip(options.reserved, captureLayers());
    this.#vni = options.vni ?? -1;
    this.#verifyChecksums = verify;
    this.#applyEcn = options.applyEcn ?? false;
    this.reassembly = new Reassembly(options.reassembly);
    this.#inbound = options.esp;
    this.outer = this.#wire;
  }

  /** Fragments that wait for the others. */
  get held(): number {
    return this.reassembly.heldFragments;
  }

  /** Packets dropped so far, by `DropReason`. */
  drops(): Float64Array {
    const drops = this.#drops.slice();
    this.reassembly.addDrops(drops);
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
    if (fault !== Fault.None) {
      if (fault === Fault.BadValue && !isLinkTypeKnown(linkType)) return this.#drop(DropReason.LinkTypeUnknown);
      return this.#drop(dropReasonOfFault(fault, outer.layer));
    }
    if (this.#verifyChecksums && !this.#classifier.acceptsIp(bytes, outer)) return this.#drop(DropReason.IpChecksum);
    return outer.isFragment ? this.#fragment(FragmentSource.Wire, seconds) : this.#datagram(seconds);
  }

  #forget(): void {
    this.#unusual = false;
    this.copied = false;
    this.encrypted = false;
    this.opened = false;
    this.outer = this.#wire;
    this.depth = 0;
    this.innerLink = -1;
    this.fallen = 0;
  }

  #fragment(source: FragmentSource, seconds: number): Verdict {
    const { outer } = this;
    const reassembler: Reassembler = this.reassembly.of(source);
    const held = reassembler.heldFragments;
    // A fragment that ESP held may have come in fragments itself.
    const outcome = reassembler.push(this.outerBytes, outer, this.capturedEnd, seconds, this.parts);
    if (outcome === ReassemblyOutcome.Held) return Verdict.Held;
    if (outcome === ReassemblyOutcome.Dropped) {
      // Counted by the reassembler, with the parts that fell with it.
      this.reason = dropReasonOfReassembly(reassembler.drop);
      this.fallen = held - reassembler.heldFragments;
      this.#unusual = true;
      return Verdict.Dropped;
    }
    this.#unusual = true;
    this.copied = true;
    this.outerBytes = reassembler.bytes;
    this.capturedEnd = reassembler.end;
    this.parts = reassembler.parts;
    const reason = walkReassembled(outer, reassembler.bytes, outer.etherType, reassembler.start, reassembler.end);
    return reason === DropReason.None ? this.#datagram(seconds) : this.#drop(reason);
  }

  #datagram(seconds: number): Verdict {
    const { outer, outerBytes } = this;
    const classifier = this.#classifier;
    const kind = classifier.classify(outerBytes, outer, this.capturedEnd);
    // What nearly every packet is.
    if (kind === PacketKind.Vxlan) return this.#decapsulate();
    if (kind === PacketKind.Esp) return this.#encrypted(classifier.espOffset, classifier.espEnd, seconds);
    return kind === PacketKind.Wrong ? this.#drop(classifier.reason) : this.#beneath(seconds);
  }

  /** Goes on inside another encapsulation. What isn't sound in there is other traffic still, as its carrier is. */
  #beneath(seconds: number): Verdict {
    const { outer, outerBytes: bytes, depth } = this;
    const walk = this.#encapsulation;
    if (depth === MAX_ENCAPSULATIONS || !walk.open(bytes, outer, this.capturedEnd)) return this.#other();
    const inside = outer === this.#below ? this.#deeper : this.#below;
    const { offset, limit } = walk;
    const end = Math.min(this.capturedEnd, limit);
    const framed = walk.etherType === EtherType.Bridging;
    const fault = framed
      ? inside.walkEthernet(bytes, offset, end, limit)
      : inside.walkNetwork(bytes, walk.etherType, offset, end, limit);
    // A fragment in a fragment, as in `walkReassembled`.
    if (fault !== Fault.None || (inside.isFragment && this.parts > 1)) return this.#other();
    this.#unusual = true;
    this.encapsulations[depth] = walk.kind;
    this.depth = depth + 1;
    this.innerLink = framed ? offset : -1;
    this.outer = inside;
    if (!inside.isFragment) return this.#datagram(seconds);
    return this.#fragment(this.opened ? FragmentSource.Opened : FragmentSource.Encapsulated, seconds);
  }

  #decapsulate(): Verdict {
    const { outer, outerBytes } = this;
    const { payloadOffset, payloadEnd } = outer;
    const end = Math.min(this.capturedEnd, payloadEnd);
    const whole = end === payloadEnd;
    const wrong = this.#strip.check(outerBytes, payloadOffset, end);
    if (wrong !== DropReason.None) {
      if (wrong === DropReason.VxlanReservedBits) return this.#refuse();
      const cut = !whole && end - payloadOffset < VXLAN_SPAN;
      return this.#drop(cut ? DropReason.CaptureTruncated : wrong);
    }
    const { vni } = this.#vxlan.wrap(outerBytes, payloadOffset);
    if (this.#vni >= 0 && vni !== this.#vni) {
      this.filtered.add(vni, this.parts);
      return Verdict.Filtered;
    }
    if (!holdsFrame(payloadOffset, payloadEnd)) return this.#drop(DropReason.PacketTooSmall);
    this.vni = vni;
    this.frameOffset = payloadOffset + VXLAN_SPAN;
    this.frameEnd = payloadEnd;
    if (!whole) return this.#drop(DropReason.CaptureTruncated);
    if (this.#applyEcn && !this.#mark()) {
      // A VNI says that a frame was dropped because the capture holds only its beginning.
      this.vni = -1;
      return this.#drop(DropReason.EcnLost);
    }
    this.frames++;
    this.framePackets += this.parts;
    return Verdict.Frame;
  }

  /** Brings the outer packet's congestion mark into a copy of the frame. Returns false if the frame can't carry it. */
  #mark(): boolean {
    const { outer, outerBytes: bytes } = this;
    const ip = outer.networkOffset;
    const tos = outer.family === 4 ? bytes[ip + 1] : ((bytes[ip] << 4) | (bytes[ip + 1] >>> 4)) & 0xff;
    if (!this.#strip.isMarked(tos)) return true;
    if (!this.copied) {
      const shift = ip;
      this.outer = this.#copyToOpen();
      this.outerBytes = this.#opening;
      this.capturedEnd -= shift;
      this.frameOffset -= shift;
      this.frameEnd -= shift;
      this.innerLink = -1;
      this.copied = true;
      this.#unusual = true;
    }
    return this.#strip.mark(this.outerBytes, this.frameOffset, this.frameEnd, tos) === DropReason.None;
  }

  /** Drops VXLAN with reserved bits, and notes whose it is. */
  #refuse(): Verdict {
    const { vni, flags } = this.#vxlan.wrap(this.outerBytes, this.outer.payloadOffset);
    this.reserved.add(vni, this.parts);
    if ((flags & VXLAN_FLAG_G) !== 0) this.policyPackets += this.parts;
    return this.#drop(DropReason.VxlanReservedBits);
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
    const withIv = offset + ESP_HEADER_BYTES + 4 <= end;
    this.hasIv = withIv;
    this.ivHigh = withIv ? getWord(bytes, offset + ESP_SPAN) : 0;
    this.ivLow = withIv ? getWord(bytes, offset + ESP_SPAN + 4) : 0;
    this.icvEnd = withIv ? getWord(bytes, end - 4) : 0;
    const after = offset + ESP_HEADER_BYTES;
    this.afterIv = after + 8 <= end ? Math.imul(getWord(bytes, after), 0x9e3779b1) ^ getWord(bytes, after + 4) : 0;
    const inbound = this.#inbound;
    if (inbound === undefined) {
      this.espPackets += this.parts;
      return Verdict.Esp;
    }
    if (end < packetEnd) return this.#drop(DropReason.CaptureTruncated);
    // A reassembled packet is a copy already.
    const { copied } = this;
    const shift = copied ? 0 : outer.networkOffset;
    const sealed = copied ? outer : this.#copyToOpen();
    const opening = copied ? bytes : this.#opening;
    const drop = inbound.open(opening, sealed, offset - shift, end - shift, seconds);
    if (drop !== EspDrop.None) return this.#drop(dropReasonOfEsp(drop));
    this.outerBytes = opening;
    this.copied = true;
    this.sequenceHigh = inbound.sequenceHigh;
    this.opened = true;
    this.openedPackets += this.parts;
    const inside = this.#inside;
    this.outer = inside;
    this.capturedEnd = inbound.end;
    const fault = inside.walkNetwork(opening, inbound.etherType, inbound.start, inbound.end);
    if (fault !== Fault.None) return this.#drop(dropReasonOfFault(fault, inside.layer));
    // The header that transport mode left was written here.
    if (inbound.tunnelled && !this.#classifier.acceptsIp(opening, inside)) return this.#drop(DropReason.IpChecksum);
    return inside.isFragment ? this.#fragment(FragmentSource.Opened, seconds) : this.#datagram(seconds);
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
    if (outer.protocol === IpProtocol.Udp && outer.family !== 0) {
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
