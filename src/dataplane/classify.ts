/**
 * The first ingress stage: drops packets for other hosts, reassembles fragments, and sorts packets by what they carry:
 * ESP, VXLAN, or neither.
 */
import { type Reassembler, ReassemblyOutcome } from '../fragment/index.js';
import { NO_SLOT, type PacketBatch } from '../memory/index.js';
import { getWord, viewOf } from '../memory/internal.js';
import type { Node } from '../overlay/index.js';
import { EtherType, HeaderError, isIpv4ChecksumValid, ipv4Layout, Layers } from '../wire/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason, dropReasonOfHeaderError } from './drop-reason.js';
import { type Classifier, PacketKind, plainEspEnd } from './packet-kind.js';
import type { PathMtuDiscovery } from './path-mtu-discovery.js';
import { PlainClassify } from './plain/plain-classify.js';
import { FragmentSource, type Reassembly, walkReassembled } from './reassembly.js';

/** Outputs for packets that don't stay in the batch. */
export interface ClassifyOutputs {
  readonly esp: PacketBatch;
  readonly vxlan: PacketBatch;
  /** Passes a full output on to the next stages, and empties it. */
  readonly overflow: (batch: PacketBatch) => void;
  /** Consumes ICMP errors about packets that this node sent. */
  readonly discovery?: PathMtuDiscovery;
}

const IPV4_ADDRESSES = ipv4Layout.offsetOf('source');
const ADDRESS_4 = 4;

/**
 * Sorts IP packets. Those that carry ESP keep their IP header. For the others `start` becomes the offset of the VXLAN
 * header and `end` that of the end of the UDP payload; `tos` and `sender` are the outer packet's.
 */
export class Classify {
  readonly #classifier: Classifier;
  readonly #reassembly: Reassembly;
  readonly #verifyIp: boolean;
  /** This node's VTEP address as words in network order. */
  readonly #vtep: Int32Array;
  readonly #family: number;
  readonly #drops: DropCounters;
  readonly #outputs: ClassifyOutputs;
  readonly #layers = new Layers();
  /** Undefined if this node has an IPv6 address. */
  readonly #plain: PlainClassify | undefined;

  /** @param verifyIp whether to verify IPv4 header checksums */
  constructor(
    node: Node,
    drops: DropCounters,
    outputs: ClassifyOutputs,
    classifier: Classifier,
    reassembly: Reassembly,
    verifyIp = true,
  ) {
    this.#classifier = classifier;
    this.#reassembly = reassembly;
    this.#verifyIp = verifyIp;
    this.#vtep = Int32Array.from({ length: node.vtep.length / 4 }, (_, i) => getWord(node.vtep, 4 * i));
    this.#family = node.vtep.length === 4 ? 4 : 6;
    this.#drops = drops;
    this.#outputs = outputs;
    const plain = this.#family === 4 && classifier.verifiesUdp;
    this.#plain = plain ? new PlainClassify(node.vtep, classifier.port, verifyIp) : undefined;
  }

  /**
   * Sorts a batch of packets from the underlay. Packets of the first kind found, usually all, stay in it. All packets
   * of a network are of one kind, so their order is preserved.
   * @param now seconds, for reassembly timeouts
   * @returns the kind of the packets that stay
   */
  run(batch: PacketBatch, now: number): PacketKind {
    const { count } = batch;
    let stays: PacketKind = PacketKind.Other;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      if (this.#plain !== undefined && stays !== PacketKind.Esp) {
        const stop = this.#plain.run(batch, i);
        if (stop > i) stays = PacketKind.Vxlan;
        kept = batch.moveRun(i, stop, kept);
        i = stop;
        if (i === count) break;
      }
      const kind = this.#fromWire(batch, i, now);
      if (kind === PacketKind.Other) continue;
      if (stays === PacketKind.Other) stays = kind;
      if (kind === stays) batch.move(i, kept++);
      else this.#divert(batch, i, kind);
    }
    batch.count = kept;
    return stays;
  }

  /**
   * Sorts the payload of ESP packets; only VXLAN stays in the batch.
   * @param batch IP packets, whose IPv4 checksums are verified already
   */
  runOpened(batch: PacketBatch, now: number): void {
    const { count } = batch;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      if (this.#opened(batch, i, now) === PacketKind.Vxlan) batch.move(i, kept++);
    }
    batch.count = kept;
  }

  #divert(batch: PacketBatch, i: number, kind: PacketKind): void {
    const { esp, vxlan, overflow } = this.#outputs;
    const output = kind === PacketKind.Esp ? esp : vxlan;
    if (output.full) overflow(output);
    const at = output.push(batch.slot[i], batch.start[i], batch.end[i]);
    output.tos[at] = batch.tos[i];
    output.sender[at] = batch.sender[i];
  }

  #fromWire(batch: PacketBatch, i: number, now: number): PacketKind {
    const { bytes } = batch.arena;
    const start = batch.start[i];
    const end = batch.end[i];
    const espEnd = plainEspEnd(bytes, start, end);
    if (espEnd >= 0) {
      if (this.#verifyIp && !isIpv4ChecksumValid(bytes, start)) return this.#drop(batch, i, DropReason.IpChecksum);
      if (!this.#isForUs(bytes, 4, start + IPV4_ADDRESSES)) return this.#drop(batch, i, DropReason.OtherHost);
      batch.end[i] = espEnd;
      return PacketKind.Esp;
    }
    const layers = this.#layers;
    const version = end > start ? bytes[start] >>> 4 : 0;
    const headerError = layers.walkNetwork(bytes, version === 4 ? EtherType.Ipv4 : EtherType.Ipv6, start, end);
    if (headerError !== HeaderError.None)
      return this.#drop(batch, i, dropReasonOfHeaderError(headerError, layers.layer));
    if (this.#verifyIp && version === 4 && !isIpv4ChecksumValid(bytes, start)) {
      return this.#drop(batch, i, DropReason.IpChecksum);
    }
    if (!this.#isForUs(bytes, layers.family, layers.addressOffset)) return this.#drop(batch, i, DropReason.OtherHost);
    if (layers.isFragment && !this.#join(batch, i, this.#reassembly.of(FragmentSource.Wire), now))
      return PacketKind.Other;
    const kind = this.#kind(batch, i);
    if (kind !== PacketKind.Other)
      return kind === PacketKind.Invalid ? this.#drop(batch, i, this.#classifier.reason) : kind;
    const consumed = this.#outputs.discovery?.take(bytes, layers, now) === true;
    return this.#drop(batch, i, consumed ? DropReason.PathMtuLearned : DropReason.NotOverlay);
  }

  #opened(batch: PacketBatch, i: number, now: number): PacketKind {
    const { bytes } = batch.arena;
    const start = batch.start[i];
    const end = batch.end[i];
    const layers = this.#layers;
    const version = end > start ? bytes[start] >>> 4 : 0;
    const headerError = layers.walkNetwork(bytes, version === 4 ? EtherType.Ipv4 : EtherType.Ipv6, start, end);
    if (headerError !== HeaderError.None)
      return this.#drop(batch, i, dropReasonOfHeaderError(headerError, layers.layer));
    if (!this.#isForUs(bytes, layers.family, layers.addressOffset)) return this.#drop(batch, i, DropReason.OtherHost);
    if (layers.isFragment && !this.#join(batch, i, this.#reassembly.of(FragmentSource.Opened), now))
      return PacketKind.Other;
    const kind = this.#kind(batch, i);
    if (kind === PacketKind.Vxlan) return PacketKind.Vxlan;
    // Nested ESP: no overlay sends it, and every further layer would cost a decryption.
    return this.#drop(batch, i, kind === PacketKind.Invalid ? this.#classifier.reason : DropReason.NotOverlay);
  }

  /** Classifies the packet that was parsed last, and sets the columns that the next stages need. */
  #kind(batch: PacketBatch, i: number): PacketKind {
    const { bytes } = batch.arena;
    const layers = this.#layers;
    const { networkOffset: ip, networkEnd } = layers;
    const kind = this.#classifier.classify(bytes, layers, networkEnd);
    if (kind === PacketKind.Vxlan) {
      batch.start[i] = layers.payloadOffset;
      batch.end[i] = layers.payloadEnd;
      batch.tos[i] = layers.family === 4 ? bytes[ip + 1] : (bytes[ip] << 4) | (bytes[ip + 1] >>> 4);
      batch.sender[i] = layers.addressOffset;
    } else {
      batch.start[i] = ip;
      batch.end[i] = networkEnd;
    }
    return kind;
  }

  /** @param addresses offset of the source address; the destination's follows it */
  #isForUs(bytes: Uint8Array, family: number, addresses: number): boolean {
    const words = this.#vtep;
    if (family !== this.#family) return false;
    const view = viewOf(bytes);
    if (family === 4) return view.getInt32(addresses + ADDRESS_4) === words[0];
    const at = addresses + 4 * words.length;
    for (let i = 0; i < words.length; i++) if (view.getInt32(at + 4 * i) !== words[i]) return false;
    return true;
  }

  /**
   * Pushes a fragment into reassembly. A completed packet is copied to a new slot, which replaces the batch's, and
   * parsed.
   * @returns false if no packet was completed, or it was dropped; its slot is freed
   */
  #join(batch: PacketBatch, i: number, reassembler: Reassembler, now: number): boolean {
    const { arena } = batch;
    const layers = this.#layers;
    const outcome = reassembler.push(arena.bytes, layers, batch.end[i], now);
    arena.free(batch.slot[i]);
    // The reassembler counts what it drops: `droppedFragments`.
    if (outcome !== ReassemblyOutcome.Complete) return false;
    const { start, end } = reassembler;
    const slot = end - start <= arena.frameBytes ? arena.take() : NO_SLOT;
    if (slot === NO_SLOT) {
      this.#drops.add(DropReason.NoMemory);
      return false;
    }
    // The one copy that ingress can't avoid: the fragments are in separate slots.
    const to = arena.frameOffsetOf(slot);
    arena.bytes.set(reassembler.bytes.subarray(start, end), to);
    batch.slot[i] = slot;
    const reason = walkReassembled(layers, arena.bytes, layers.etherType, to, to + end - start);
    if (reason === DropReason.None) return true;
    this.#drop(batch, i, reason);
    return false;
  }

  #drop(batch: PacketBatch, i: number, reason: DropReason): PacketKind {
    this.#drops.add(reason);
    batch.arena.free(batch.slot[i]);
    return PacketKind.Other;
  }
}
