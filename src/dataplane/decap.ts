/**
 * The third stage of the way in: UDP and VXLAN come off. Clear packets of an encrypted network are dropped (fail closed), as
 * are packets from addresses that are no node's, and sources are held against the forwarding table.
 */
import type { PacketBatch } from '../memory/index.js';
import { viewOf } from '../memory/view.js';
import { LearnOutcome, type NodeTables, TargetKind } from '../overlay/index.js';
import {
  checkVxlan,
  decapsulateEcn,
  ETHERNET_SPAN,
  EtherType,
  Fault,
  IpProtocol,
  Layers,
  UDP_SPAN,
  udpChecksumHolds,
  VXLAN_FLAG_I,
  VXLAN_SPAN,
  VxlanReserved,
} from '../wire/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason, dropReasonOfFault } from './drop-reason.js';

const MAC_BYTES = 6;
/** The bit of a frame's second word that says that its source is a group. */
const GROUP = 1 << 8;
// Own constants are folded into the code, imported ones aren't (see wire/layers.ts).
const OK = Fault.None;
const NONE = DropReason.None;
const IPV4 = EtherType.Ipv4;
const IPV6 = EtherType.Ipv6;
const UDP = IpProtocol.Udp;
const ETHERNET = ETHERNET_SPAN;
const UDP_HEADER = UDP_SPAN;
const VXLAN_HEADER = VXLAN_SPAN;
const VXLAN_FLAGS = VXLAN_FLAG_I << 24;
const LOCAL = TargetKind.Local;
const VTEP = TargetKind.Vtep;

/** Takes the outer headers off. Packets behind it are frames, with their `network`; `peer` is the node they came from. */
export class Decap {
  readonly #tables: NodeTables;
  readonly #drops: DropCounters;
  readonly #reserved: VxlanReserved;
  readonly #port: number;
  readonly #acceptUnknown: boolean | undefined;
  readonly #outer = new Layers();
  readonly #inner = new Layers();

  /** @param acceptUnknownVteps whether packets may come from addresses that are no node's; what the tables say by default */
  constructor(
    tables: NodeTables,
    drops: DropCounters,
    reserved: VxlanReserved = VxlanReserved.Refuse,
    acceptUnknownVteps?: boolean,
  ) {
    this.#tables = tables;
    this.#drops = drops;
    this.#reserved = reserved;
    this.#acceptUnknown = acceptUnknownVteps;
    this.#port = tables.port;
  }

  /**
   * Decapsulates a batch in place; what can't be is dropped.
   * @param batch IP packets
   * @param opened whether they came in ESP
   * @param now seconds, for the ageing of learned entries
   */
  run(batch: PacketBatch, opened: boolean, now: number): void {
    let kept = 0;
    for (let i = 0; i < batch.count; i++) {
      const reason = this.#one(batch, i, opened, now);
      if (reason === NONE) {
        batch.move(i, kept++);
      } else {
        this.#drops.add(reason);
        batch.arena.free(batch.slot[i]);
      }
    }
    batch.count = kept;
  }

  #one(batch: PacketBatch, i: number, opened: boolean, now: number): DropReason {
    const { bytes } = batch.arena;
    const start = batch.start[i];
    const outer = this.#outer;
    const version = batch.end[i] > start ? bytes[start] >>> 4 : 0;
    const fault = outer.walkNetwork(bytes, version === 4 ? IPV4 : IPV6, start, batch.end[i]);
    if (fault !== OK) return dropReasonOfFault(fault, outer.layer);
    if (outer.isFragment || outer.protocol !== UDP || outer.destinationPort !== this.#port)
      return DropReason.NotOverlay;
    const { payloadOffset, payloadEnd, addressOffset, family } = outer;
    if (!udpChecksumHolds(bytes, payloadOffset - UDP_HEADER, family, addressOffset)) return DropReason.UdpChecksum;
    const view = viewOf(bytes);
    // One test for the header that nearly every one is: the I flag, the VNI, and no other bit.
    const usual =
      payloadEnd - payloadOffset >= VXLAN_HEADER &&
      view.getInt32(payloadOffset) === VXLAN_FLAGS &&
      (view.getInt32(payloadOffset + 4) & 0xff) === 0;
    const reason = usual ? NONE : this.#checkVxlan(bytes, payloadOffset, payloadEnd);
    if (reason !== NONE) return reason;
    const vni = view.getInt32(payloadOffset + 4) >>> 8;
    const tables = this.#tables;
    const network = tables.networkOf(vni);
    if (network < 0) return DropReason.VxlanVniNotFound;
    if (!opened && tables.columns.encrypted[network] !== 0) return DropReason.ClearOfEncrypted;
    const frame = payloadOffset + VXLAN_HEADER;
    if (frame + ETHERNET > payloadEnd) return DropReason.PacketTooSmall;
    const node =
      family === 4 ? tables.nodeOf4(view.getInt32(addressOffset)) : tables.nodeOf(family, bytes, addressOffset);
    // Anybody can send clear VXLAN; the topology says who has cause to.
    if (node < 0 && !(this.#acceptUnknown ?? tables.acceptUnknownVteps)) return DropReason.UnknownVtep;
    if (node === tables.node) return DropReason.Loop;
    batch.start[i] = frame;
    batch.end[i] = payloadEnd;
    batch.network[i] = network;
    batch.peer[i] = node;
    const source = this.#checkSource(bytes, frame, network, vni, node, now);
    if (source !== NONE) return source;
    const tos = version === 4 ? bytes[start + 1] : ((bytes[start] << 4) | (bytes[start + 1] >>> 4)) & 0xff;
    return (tos & 3) === 0 || this.#takeMark(bytes, frame, payloadEnd, tos) ? NONE : DropReason.EcnLost;
  }

  #checkVxlan(bytes: Uint8Array, offset: number, end: number): DropReason {
    const wrong = checkVxlan(bytes, offset, end, this.#reserved);
    if (wrong === OK) return NONE;
    return wrong === Fault.ReservedBits ? DropReason.VxlanReservedBits : DropReason.VxlanInvalidHeader;
  }

  /** Brings the outer packet's congestion mark into the inner one. Returns false if that can't carry it. */
  #takeMark(bytes: Uint8Array, frame: number, end: number, tos: number): boolean {
    const inner = this.#inner;
    return inner.walkEthernet(bytes, frame, end) !== OK || decapsulateEcn(bytes, tos, inner);
  }

  /** The kernel's vxlan_set_mac and vxlan_snoop: a source that can't be, one of our own, or one that lives elsewhere. */
  #checkSource(bytes: Uint8Array, frame: number, network: number, vni: number, node: number, now: number): DropReason {
    // The source's MAC: the lower half of a word, and the next one.
    const view = viewOf(bytes);
    const middle = view.getInt32(frame + 4);
    const rest = view.getInt32(frame + 8);
    const high = (middle << 16) | (rest >>> 16);
    const low = rest << 16;
    if ((middle & GROUP) !== 0 || (high | low) === 0) return DropReason.InvalidSource;
    const { forwarding, columns } = this.#tables;
    if (node >= 0 && columns.learning[network] !== 0) return this.#learn(bytes, frame, vni, node, now);
    if (!forwarding.findWords(vni, high, low, now)) return NONE;
    if (forwarding.kind === LOCAL) return DropReason.Loop;
    if (forwarding.target === node) return NONE;
    forwarding.conflicts++;
    return DropReason.EntryExists;
  }

  #learn(bytes: Uint8Array, frame: number, vni: number, node: number, now: number): DropReason {
    const outcome = this.#tables.forwarding.learn(vni, bytes, frame + MAC_BYTES, VTEP, node, now);
    return outcome === LearnOutcome.Conflict ? DropReason.EntryExists : NONE;
  }
}
