/**
 * Decodes captures of an underlay: link layer, IP, reassembly, ESP, then VXLAN. Without keys, encrypted packets are
 * reported as ESP with their SPI and sequence number. With keys, a copy of the packet is decrypted and decoded further;
 * the caller's bytes are never changed.
 *
 *     record -> walkLink -> fragment? -> Reassembly -> ESP?   -> InboundEsp -+   (no keys: Verdict.Esp)
 *                                            |                               |
 *                                            +-> VXLAN? -> Verdict.Frame <---+
 *
 * Other encapsulations (GRE, MPLS, PPPoE, Geneve, ...) are removed, up to four deep.
 *
 * `Classifier`, `Reassembly` and `VxlanStrip` decide what a packet is and what is wrong with it; a node's ingress
 * shares them. A node also knows its topology and drops packets that aren't for it. A capture may be truncated, has
 * both directions of many nodes, and is shown as it is.
 */
import type { CaptureBatch } from '../capture/portable.js';
import { VtepError } from '../error.js';
import { type Reassembler, ReassemblyOutcome } from '../fragment/index.js';
import { ESP_HEADER_BYTES, EspDrop, type InboundEsp } from '../ipsec/index.js';
import { MemoryError } from '../memory/index.js';
import { getWord, WordCopy } from '../memory/internal.js';
import {
  EncapsulationWalk,
  ESP_HEADER_LEN,
  EspView,
  EtherType,
  HeaderError,
  IpProtocol,
  isLinkTypeKnown,
  Layers,
  VXLAN_FLAG_G,
  VXLAN_PORT,
  VXLAN_HEADER_LEN,
  VxlanView,
  walkLink,
} from '../wire/index.js';
import { DropCounters } from './drop-counters.js';
import {
  DROP_REASONS,
  DropReason,
  dropReasonOfEsp,
  dropReasonOfHeaderError,
  dropReasonOfReassembly,
} from './drop-reason.js';
import { Classifier, PacketKind } from './packet-kind.js';
import { FragmentSource, Reassembly, walkReassembled } from './reassembly.js';
import type { UnderlayDecoderOptions } from './underlay-decoder-options.js';
import { Verdict } from './verdict.js';
import { VniCounts, type VniPackets } from './vni-counts.js';
import { VxlanGuess } from './vxlan-guess.js';
import { holdsFrame, VxlanStrip } from './vxlan-strip.js';

/** Maximum depth of nested encapsulations. */
export const MAX_ENCAPSULATIONS = 4;
function captureLayers(): Layers {
  return new Layers({ fromCapture: true });
}

function noPacket(index: number, count: number): MemoryError {
  return new MemoryError('BAD_RANGE', `a batch of ${count} packets has no packet ${index}`);
}

function checkOption(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new VtepError('BAD_OPTION', `${name} is a whole number from ${least} to ${most}, not ${value}`);
}

/** The longest IP packet: an IPv6 header and 65,535 bytes. The buffer grows for longer ones (jumbograms). */
const LONGEST_PACKET = 65_575;

/** What a decoder counted of packets other than fragments and ESP, as plain data. */
export interface DecoderCounts {
  readonly packets: number;
  readonly frames: number;
  readonly framePackets: number;
  readonly policyPackets: number;
  readonly filtered: VniPackets;
  readonly reserved: VniPackets;
  /** By `DropReason`. */
  readonly drops: Float64Array;
}

/** What a decoder counted that doesn't depend on the order of packets, as plain data. Fragments aren't part of it. */
export interface DecoderSums {
  readonly packets: number;
  readonly frames: number;
  readonly framePackets: number;
  readonly espPackets: number;
  readonly openedPackets: number;
  readonly otherPackets: number;
  readonly policyPackets: number;
  /** By `DropReason`. */
  readonly drops: Float64Array;
}

/**
 * Decodes packets one at a time. The fields hold the results until the next call. Input packets are never written to.
 * @example
 * import { batchesOf, openCaptureFile } from 'vtep/capture';
 * import { dropReasonText, UnderlayDecoder, Verdict } from 'vtep/dataplane';
 *
 * const decoder = new UnderlayDecoder();
 * for await (const batch of batchesOf(await openCaptureFile('underlay.pcap'))) {
 *   for (let i = 0; i < batch.count; i++) {
 *     const verdict = decoder.receivePacket(batch, i);
 *     if (verdict === Verdict.Frame) {
 *       // A view, not a copy: valid until the next packet.
 *       const frame = decoder.outerBytes.subarray(decoder.frameOffset, decoder.frameEnd);
 *       console.log(decoder.vni, frame.length);
 *     } else if (verdict === Verdict.Dropped) {
 *       console.log(dropReasonText(decoder.reason));
 *     }
 *   }
 * }
 */
export class UnderlayDecoder {
  /** Why the last packet was dropped. */
  reason: DropReason = DropReason.None;
  /**
   * The parsed outer headers: of the innermost packet after reassembly, decryption and removal of other encapsulations.
   */
  outer: Layers;
  /** The bytes that `outer` and `frameOffset` refer to: the input, or a copy. */
  outerBytes: Uint8Array = new Uint8Array(0);
  /** Whether `outerBytes` is a copy, of a packet that was reassembled, decrypted or ECN-marked. */
  copied = false;
  /** Packets that the last verdict covers: the number of fragments of a reassembled packet, 1 otherwise. */
  parts = 1;
  /** VNI of the inner frame, or -1. Set also if the frame was dropped because it is truncated. */
  vni = -1;
  /** Start of the inner frame in `outerBytes`. */
  frameOffset = 0;
  /** End of the inner frame in `outerBytes`; past `capturedEnd` if the frame is truncated. */
  frameEnd = 0;
  /** End of the captured bytes. */
  capturedEnd = 0;
  /** Encapsulations (besides VXLAN and ESP) around `outer`, the outermost first. */
  readonly encapsulations = new Uint8Array(MAX_ENCAPSULATIONS);
  /** Number of `encapsulations`. */
  depth = 0;
  /** Offset of the Ethernet header before `outer` inside an encapsulation, or -1. */
  innerLink = -1;
  /** Held fragments dropped along with the last one, because it invalidated their datagram or because they timed out. */
  heldDropped = 0;
  /** Whether the last packet was ESP, decrypted or not. If so, the following fields describe it. */
  encrypted = false;
  /** Whether its ICV was valid and its payload was decoded further. */
  opened = false;
  /** SPI of the ESP packet. */
  spi = 0;
  /** The lower 32 bits of the sequence number. */
  sequence = 0;
  /** The upper 32 bits: 0 except for a decrypted packet with extended sequence numbers. */
  sequenceHigh = 0;
  /** Whether the ESP packet was encapsulated in UDP (RFC 3948). */
  espInUdp = false;
  /** Its source and destination address, concatenated. */
  readonly espAddresses = new Uint8Array(32);
  /** IP version of `espAddresses`. */
  espFamily = 0;
  /** Length of its IP packet, in bytes. */
  espBytes = 0;
  /** Whether the captured bytes reach past the IV. */
  hasIv = false;
  /** Upper 32 bits of the IV; 0 without `hasIv`. */
  ivHigh = 0;
  /** Lower 32 bits of the IV; 0 without `hasIv`. */
  ivLow = 0;
  /** The last 4 bytes of the packet, where its ICV ends; 0 without `hasIv`. */
  icvEnd = 0;
  /** Hash of the 8 bytes after the IV (with AES-GCM, the first of the ciphertext); 0 if truncated before. */
  afterIv = 0;

  /** Received packets = framePackets + espPackets + otherPackets + held + filtered.packets + all drops. */
  packets = 0;
  /** Inner frames. */
  frames = 0;
  /** Packets that carried inner frames; more than `frames` if some came in fragments. */
  framePackets = 0;
  /** ESP packets that were not decrypted, since there are no keys. */
  espPackets = 0;
  /** Decrypted ESP packets, which are also counted by their payload. */
  openedPackets = 0;
  /** Packets that are not overlay traffic. */
  otherPackets = 0;
  /** Packets of VNIs other than the selected one. */
  readonly filtered = new VniCounts();
  /** Packets dropped for reserved VXLAN bits. */
  readonly reserved = new VniCounts();
  /** Those among `reserved` with a group policy (GBP). */
  policyPackets = 0;
  /** Other traffic that looks like VXLAN on another port. */
  readonly guess = new VxlanGuess();
  /**
   * Whether fragments are left to another decoder, which has those of all files: they are then `Verdict.Held` and not
   * counted. What ESP they came in changes its SA nevertheless.
   * @internal
   */
  leavesFragments = false;
  /** Fragments: those on the wire, those in ESP and those in other encapsulations. */
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
  /** Buffer in which packets are decrypted, and the parsed headers of the packet in it. */
  #opening = new Uint8Array(0);
  #openingCopy: WordCopy | undefined;
  readonly #sealed = captureLayers();
  /** Parsed headers of the payload of ESP. */
  readonly #inside = captureLayers();
  /** Parsed headers inside other encapsulations, used in turn: one is read while the other is filled. */
  readonly #below = captureLayers();
  readonly #deeper = captureLayers();
  readonly #encapsulation = new EncapsulationWalk();
  /** Whether the last packet set fields that a plain packet doesn't reset. */
  #unusual = false;

  /** @throws VtepError `BAD_OPTION` for a port or VNI that there can't be */
  constructor(options: UnderlayDecoderOptions = {}) {
    const { port = VXLAN_PORT } = options;
    const ports = Array.isArray(port) ? (port as readonly number[]) : [port as number];
    for (const one of ports) checkOption('port', one, 1, 0xffff);
    // A wrong VNI would select all of them, or none, without a word.
    if (options.vni !== undefined) checkOption('vni', options.vni, 0, 0xffffff);
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

  /** Fragments held for datagrams that are incomplete. */
  get held(): number {
    return this.reassembly.heldFragments;
  }

  /** Drops so far, including fragments. */
  get drops(): DropCounters {
    const drops = new DropCounters();
    drops.counts.set(this.#drops);
    this.reassembly.addDrops(drops.counts);
    return drops;
  }

  /** What was counted so far, for `addCounts` of another decoder. */
  counts(): DecoderCounts {
    const { packets, frames, framePackets, policyPackets, filtered, reserved } = this;
    return {
      packets,
      frames,
      framePackets,
      policyPackets,
      filtered: { packets: filtered.packets, vnis: filtered.vnis },
      reserved: { packets: reserved.packets, vnis: reserved.vnis },
      drops: this.drops.counts,
    };
  }

  /**
   * Adds what another decoder counted of other packets of the same capture, without fragments and ESP.
   * @returns whether the counts are now those of one decoder for all packets (see `VniCounts`)
   */
  addCounts({ packets, frames, framePackets, policyPackets, filtered, reserved, drops }: DecoderCounts): boolean {
    this.packets += packets;
    this.frames += frames;
    this.framePackets += framePackets;
    this.policyPackets += policyPackets;
    drops.forEach((count, reason) => (this.#drops[reason] += count));
    const isFiltered = this.filtered.merge(filtered);
    return this.reserved.merge(reserved) && isFiltered;
  }

  /**
   * What was counted so far, without filtered and reserved VNIs and guesses, for `addSums` of another decoder.
   * @internal
   */
  sums(): DecoderSums {
    const { packets, frames, framePackets, espPackets, openedPackets, otherPackets, policyPackets } = this;
    const drops = Float64Array.from(this.#drops);
    return { packets, frames, framePackets, espPackets, openedPackets, otherPackets, policyPackets, drops };
  }

  /**
   * Adds what another decoder counted of other packets.
   * @internal
   */
  addSums(sums: DecoderSums): void {
    this.packets += sums.packets;
    this.frames += sums.frames;
    this.framePackets += sums.framePackets;
    this.espPackets += sums.espPackets;
    this.openedPackets += sums.openedPackets;
    this.otherPackets += sums.otherPackets;
    this.policyPackets += sums.policyPackets;
    sums.drops.forEach((count, reason) => (this.#drops[reason] += count));
  }

  /**
   * Decodes a packet of a batch. The decoder's fields refer to `batch.bytes` or to a copy (`outerBytes`).
   * @param index 0 to `batch.count` - 1
   * @throws MemoryError `BAD_RANGE` for another index
   * @example
   * import { batchesOf, openCaptureFile } from 'vtep/capture';
   * import { UnderlayDecoder, Verdict } from 'vtep/dataplane';
   *
   * const decoder = new UnderlayDecoder();
   * for await (const batch of batchesOf(await openCaptureFile('underlay.pcap'))) {
   *   for (let i = 0; i < batch.count; i++) {
   *     if (decoder.receivePacket(batch, i) === Verdict.Frame) console.log(decoder.vni);
   *   }
   * }
   */
  receivePacket(batch: CaptureBatch, index: number): Verdict {
    if (!(index >= 0 && index < batch.count)) throw noPacket(index, batch.count);
    const start = batch.offset[index];
    const end = start + batch.capturedLength[index];
    const limit = start + batch.originalLength[index];
    return this.receive(batch.linkType[index], batch.bytes, start, end, limit, batch.seconds[index]);
  }

  /**
   * Decodes one packet, wherever it comes from; `receivePacket` takes it from a batch.
   * @param linkType LINKTYPE_ number of the header at `offset`
   * @param bytes contains the packet; not written to
   * @param end end of the captured bytes
   * @param limit end of the packet on the wire
   * @param seconds packet time, for reassembly timeouts
   */
  receive(linkType: number, bytes: Uint8Array, offset: number, end: number, limit: number, seconds: number): Verdict {
    if (this.#unusual) this.#forget();
    const { outer } = this;
    this.packets++;
    this.outerBytes = bytes;
    this.capturedEnd = end;
    this.parts = 1;
    this.vni = -1;
    const headerError = walkLink(outer, linkType, bytes, offset, end, limit);
    if (headerError !== HeaderError.None) {
      if (headerError === HeaderError.BadValue && !isLinkTypeKnown(linkType))
        return this.#drop(DropReason.LinkTypeUnknown);
      return this.#drop(dropReasonOfHeaderError(headerError, outer.layer));
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
    this.heldDropped = 0;
  }

  #fragment(source: FragmentSource, seconds: number): Verdict {
    if (this.leavesFragments) return this.#leave();
    const { outer } = this;
    const reassembler: Reassembler = this.reassembly.of(source);
    const held = reassembler.heldFragments;
    // A fragment from ESP may itself have arrived in fragments.
    const outcome = reassembler.push(this.outerBytes, outer, this.capturedEnd, seconds, this.parts);
    if (outcome === ReassemblyOutcome.Held) return Verdict.Held;
    if (outcome === ReassemblyOutcome.Dropped) {
      // The reassembler counts it, with the fragments dropped with it.
      this.reason = dropReasonOfReassembly(reassembler.drop);
      this.heldDropped = held - reassembler.heldFragments;
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

  /** Leaves a fragment to another decoder. */
  #leave(): Verdict {
    this.packets--;
    if (this.opened) this.openedPackets--;
    this.encrypted = false;
    this.opened = false;
    return Verdict.Held;
  }

  #datagram(seconds: number): Verdict {
    const { outer, outerBytes } = this;
    const classifier = this.#classifier;
    const kind = classifier.classify(outerBytes, outer, this.capturedEnd);
    // The most common kind first.
    if (kind === PacketKind.Vxlan) return this.#decapsulate();
    if (kind === PacketKind.Esp) return this.#encrypted(classifier.espOffset, classifier.espEnd, seconds);
    return kind === PacketKind.Invalid ? this.#drop(classifier.reason) : this.#beneath(seconds);
  }

  /** Decodes inside another encapsulation. If its payload is malformed, the packet is other traffic. */
  #beneath(seconds: number): Verdict {
    const { outer, outerBytes: bytes, depth } = this;
    const walk = this.#encapsulation;
    if (depth === MAX_ENCAPSULATIONS || !walk.open(bytes, outer, this.capturedEnd)) return this.#other();
    const inside = outer === this.#below ? this.#deeper : this.#below;
    const { offset, limit } = walk;
    const end = Math.min(this.capturedEnd, limit);
    const framed = walk.etherType === EtherType.Bridging;
    const headerError = framed
      ? inside.walkEthernet(bytes, offset, end, limit)
      : inside.walkNetwork(bytes, walk.etherType, offset, end, limit);
    // A fragment in a fragment, as in `walkReassembled`.
    if (headerError !== HeaderError.None || (inside.isFragment && this.parts > 1)) return this.#other();
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
      const cut = !whole && end - payloadOffset < VXLAN_HEADER_LEN;
      return this.#drop(cut ? DropReason.CaptureTruncated : wrong);
    }
    const { vni } = this.#vxlan.wrap(outerBytes, payloadOffset);
    if (this.#vni >= 0 && vni !== this.#vni) {
      this.filtered.add(vni, this.parts);
      return Verdict.Filtered;
    }
    if (!holdsFrame(payloadOffset, payloadEnd)) return this.#drop(DropReason.PacketTooSmall);
    this.vni = vni;
    this.frameOffset = payloadOffset + VXLAN_HEADER_LEN;
    this.frameEnd = payloadEnd;
    if (!whole) return this.#drop(DropReason.CaptureTruncated);
    if (this.#applyEcn && !this.#mark()) {
      // A VNI on a dropped packet means that the frame is truncated.
      this.vni = -1;
      return this.#drop(DropReason.EcnLost);
    }
    this.frames++;
    this.framePackets += this.parts;
    return Verdict.Frame;
  }

  /** Applies the outer packet's ECN field to a copy of the frame. Returns false if the frame can't carry it. */
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

  /** Drops VXLAN with reserved bits, and counts it by VNI. */
  #refuse(): Verdict {
    const { vni, flags } = this.#vxlan.wrap(this.outerBytes, this.outer.payloadOffset);
    this.reserved.add(vni, this.parts);
    if ((flags & VXLAN_FLAG_G) !== 0) this.policyPackets += this.parts;
    return this.#drop(DropReason.VxlanReservedBits);
  }

  /** @param packetEnd end of the ICV on the wire */
  #encrypted(offset: number, packetEnd: number, seconds: number): Verdict {
    // Nested ESP: no overlay sends it, and every further layer would cost a decryption.
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
    this.ivHigh = withIv ? getWord(bytes, offset + ESP_HEADER_LEN) : 0;
    this.ivLow = withIv ? getWord(bytes, offset + ESP_HEADER_LEN + 4) : 0;
    this.icvEnd = withIv ? getWord(bytes, end - 4) : 0;
    const after = offset + ESP_HEADER_BYTES;
    this.afterIv = after + 8 <= end ? Math.imul(getWord(bytes, after), 0x9e3779b1) ^ getWord(bytes, after + 4) : 0;
    const inbound = this.#inbound;
    if (inbound === undefined) {
      this.espPackets += this.parts;
      return Verdict.Esp;
    }
    if (end < packetEnd) return this.#drop(DropReason.CaptureTruncated);
    // A reassembled packet is already a copy.
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
    const headerError = inside.walkNetwork(opening, inbound.etherType, inbound.start, inbound.end);
    if (headerError !== HeaderError.None) return this.#drop(dropReasonOfHeaderError(headerError, inside.layer));
    // In transport mode, decryption has just written the IP header.
    if (inbound.tunnelled && !this.#classifier.acceptsIp(opening, inside)) return this.#drop(DropReason.IpChecksum);
    return inside.isFragment ? this.#fragment(FragmentSource.Opened, seconds) : this.#datagram(seconds);
  }

  /** Copies the IP packet to the decryption buffer, and parses it there. */
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
