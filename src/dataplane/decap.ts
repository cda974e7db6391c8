/**
 * The third stage of ingress: removes the VXLAN header. Drops cleartext packets of encrypted networks (fail closed) and
 * packets from unknown VTEPs, and checks sources against the forwarding table.
 */
import type { PacketBatch } from '../memory/index.js';
import { viewOf } from '../memory/internal.js';
import { LearnOutcome, type NodeTables, TargetKind } from '../overlay/index.js';
import { VXLAN_HEADER_LEN, type VxlanReserved } from '../wire/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason } from './drop-reason.js';
import { PeerMark, PeerMarks } from './peer-marks.js';
import { PlainDecap } from './plain/plain-decap.js';
import { holdsFrame, VxlanStrip } from './vxlan-strip.js';

const MAC_BYTES = 6;
/** The group bit of the source MAC, in a frame's second word. */
const GROUP = 1 << 8;

/** Decapsulates VXLAN. Packets become frames, with their `network` and source `node`. */
export class Decap {
  /** The nodes that valid packets came from. */
  readonly heardFrom = new PeerMarks();
  readonly #tables: NodeTables;
  readonly #drops: DropCounters;
  readonly #strip: VxlanStrip;
  readonly #family: number;
  readonly #acceptUnknown: boolean | undefined;
  /** Undefined if this node has an IPv6 address. */
  readonly #plain: PlainDecap | undefined;

  /** @param acceptUnknownVteps whether packets may come from unknown VTEP addresses; default: as the tables say */
  constructor(tables: NodeTables, drops: DropCounters, reserved?: VxlanReserved, acceptUnknownVteps?: boolean) {
    this.#tables = tables;
    this.#drops = drops;
    this.#strip = new VxlanStrip(reserved);
    this.#acceptUnknown = acceptUnknownVteps;
    this.#family = tables.here.vtep.length === 4 ? 4 : 6;
    this.#plain = this.#family === 4 ? new PlainDecap(tables, this.heardFrom) : undefined;
    tables.nodes.forEach((_, node) => this.heardFrom.renew(node));
  }

  /**
   * Decapsulates a batch in place, and drops what is invalid.
   * @param batch UDP payloads of packets for the VXLAN port, with the `tos` and `sender` of each packet
   * @param opened whether they arrived in ESP
   * @param now seconds, for the ageing of learned entries
   */
  run(batch: PacketBatch, opened: boolean, now: number): void {
    let kept = 0;
    for (let i = 0; i < batch.count; i++) {
      if (this.#plain !== undefined) {
        const stop = this.#plain.run(batch, i, opened, now);
        kept = batch.moveRun(i, stop, kept);
        i = stop;
        if (i === batch.count) break;
      }
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
    const vxlan = batch.start[i];
    const end = batch.end[i];
    const strip = this.#strip;
    const wrong = strip.check(bytes, vxlan, end);
    if (wrong !== DropReason.None) return wrong;
    const view = viewOf(bytes);
    const vni = view.getInt32(vxlan + 4) >>> 8;
    const tables = this.#tables;
    const network = tables.networkOf(vni);
    if (network < 0) return DropReason.VxlanVniNotFound;
    if (!opened && tables.columns.encrypted[network] !== 0) return DropReason.ClearOfEncrypted;
    if (!holdsFrame(vxlan, end)) return DropReason.PacketTooSmall;
    const sender = batch.sender[i];
    const node = this.#family === 4 ? tables.nodeOf4(view.getInt32(sender)) : tables.nodeOf(6, bytes, sender);
    // Anyone can send cleartext VXLAN; the topology says which addresses are legitimate.
    if (node < 0 && !(this.#acceptUnknown ?? tables.acceptUnknownVteps)) return DropReason.UnknownVtep;
    if (node === tables.node) return DropReason.Loop;
    if (node >= 0) this.heardFrom.bytes[node] |= opened ? PeerMark.Encrypted : PeerMark.Clear;
    const frame = vxlan + VXLAN_HEADER_LEN;
    batch.start[i] = frame;
    batch.network[i] = network;
    batch.node[i] = node;
    const source = this.#checkSource(bytes, frame, network, vni, node, now);
    if (source !== DropReason.None) return source;
    const tos = batch.tos[i];
    return strip.isMarked(tos) ? strip.mark(bytes, frame, end, tos) : DropReason.None;
  }

  /** Like the kernel's vxlan_set_mac and vxlan_snoop: rejects invalid sources, our own, and those of another node. */
  #checkSource(bytes: Uint8Array, frame: number, network: number, vni: number, node: number, now: number): DropReason {
    // The source MAC: the lower half of one word, and the next word.
    const view = viewOf(bytes);
    const middle = view.getInt32(frame + 4);
    const rest = view.getInt32(frame + 8);
    const high = (middle << 16) | (rest >>> 16);
    const low = rest << 16;
    if ((middle & GROUP) !== 0 || (high | low) === 0) return DropReason.InvalidSource;
    const { forwarding, columns } = this.#tables;
    if (node >= 0 && columns.learning[network] !== 0) return this.#learn(bytes, frame, vni, node, now);
    if (!forwarding.findWords(vni, high, low, now)) return DropReason.None;
    if (forwarding.kind === TargetKind.Local) return DropReason.Loop;
    if (forwarding.target === node) return DropReason.None;
    forwarding.conflicts++;
    return DropReason.EntryExists;
  }

  #learn(bytes: Uint8Array, frame: number, vni: number, node: number, now: number): DropReason {
    const outcome = this.#tables.forwarding.learn(vni, bytes, frame + MAC_BYTES, TargetKind.Vtep, node, now);
    return outcome === LearnOutcome.Conflict ? DropReason.EntryExists : DropReason.None;
  }
}
