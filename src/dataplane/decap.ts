/**
 * The third stage of the way in: UDP and VXLAN come off. Clear packets of an encrypted network are dropped (fail closed),
 * and sources are held against the forwarding table.
 */
import type { PacketBatch } from '../memory/index.js';
import { LearnOutcome, type NodeTables, TargetKind } from '../overlay/index.js';
import {
  checkVxlan,
  ETHERNET_SPAN,
  EtherType,
  Fault,
  IpProtocol,
  isZeroMac,
  Layers,
  UDP_SPAN,
  udpChecksumHolds,
  VXLAN_SPAN,
  VxlanReserved,
  VxlanView,
} from '../wire/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason, dropReasonOfFault } from './drop-reason.js';
import { decapsulateEcn } from './ecn.js';

const MAC_BYTES = 6;

/** Takes the outer headers off. Packets behind it are frames, with their `network`; `peer` is the node they came from. */
export class Decap {
  readonly #tables: NodeTables;
  readonly #drops: DropCounters;
  readonly #reserved: VxlanReserved;
  readonly #outer = new Layers();
  readonly #inner = new Layers();
  readonly #vxlan = new VxlanView();

  constructor(tables: NodeTables, drops: DropCounters, reserved: VxlanReserved = VxlanReserved.Refuse) {
    this.#tables = tables;
    this.#drops = drops;
    this.#reserved = reserved;
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
      if (reason === DropReason.None) {
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
    const etherType = version === 4 ? EtherType.Ipv4 : EtherType.Ipv6;
    const fault = outer.walkNetwork(bytes, etherType, start, batch.end[i]);
    if (fault !== Fault.None) return dropReasonOfFault(fault, outer.layer);
    const { topology } = this.#tables;
    if (outer.isFragment || outer.protocol !== IpProtocol.Udp || outer.destinationPort !== topology.port) {
      return DropReason.NotOverlay;
    }
    const udp = outer.payloadOffset - UDP_SPAN;
    if (!udpChecksumHolds(bytes, udp, outer.family, outer.addressOffset)) return DropReason.UdpChecksum;
    const wrong = checkVxlan(bytes, outer.payloadOffset, outer.payloadEnd, this.#reserved);
    if (wrong !== Fault.None) {
      return wrong === Fault.ReservedBits ? DropReason.VxlanReservedBits : DropReason.VxlanInvalidHeader;
    }
    const { vni } = this.#vxlan.wrap(bytes, outer.payloadOffset);
    const network = this.#tables.networkOf(vni);
    if (network < 0) return DropReason.VxlanVniNotFound;
    if (topology.networks[network].encrypted && !opened) return DropReason.ClearOfEncrypted;
    const frame = outer.payloadOffset + VXLAN_SPAN;
    if (frame + ETHERNET_SPAN > outer.payloadEnd) return DropReason.PacketTooSmall;
    batch.start[i] = frame;
    batch.end[i] = outer.payloadEnd;
    batch.network[i] = network;
    batch.peer[i] = this.#tables.nodeOf(outer.family, bytes, outer.addressOffset);
    const source = this.#checkSource(bytes, frame, network, batch.peer[i], now);
    if (source !== DropReason.None) return source;
    const tos = version === 4 ? bytes[start + 1] : ((bytes[start] << 4) | (bytes[start + 1] >>> 4)) & 0xff;
    const inner = this.#inner;
    if ((tos & 3) === 0 || inner.walkEthernet(bytes, frame, outer.payloadEnd) !== Fault.None) return DropReason.None;
    return decapsulateEcn(bytes, tos, inner) ? DropReason.None : DropReason.EcnLost;
  }

  /** The kernel's vxlan_set_mac and vxlan_snoop: a source that can't be, one of our own, or one that lives elsewhere. */
  #checkSource(bytes: Uint8Array, frame: number, network: number, node: number, now: number): DropReason {
    const source = frame + MAC_BYTES;
    if ((bytes[source] & 1) !== 0 || isZeroMac(bytes, source)) return DropReason.InvalidSource;
    const { forwarding, topology } = this.#tables;
    const { vni, learning } = topology.networks[network];
    if (learning && node >= 0) {
      const outcome = forwarding.learn(vni, bytes, source, TargetKind.Vtep, node, now);
      return outcome === LearnOutcome.Conflict ? DropReason.EntryExists : DropReason.None;
    }
    if (!forwarding.find(vni, bytes, source, now)) return DropReason.None;
    if (forwarding.kind === TargetKind.Local) return DropReason.Loop;
    if (forwarding.target === node) return DropReason.None;
    forwarding.conflicts++;
    return DropReason.EntryExists;
  }
}
