/**
 * The short cut of `Decap` for nearly all packets: a usual VXLAN header, of a network that doesn't learn, from a known
 * node with an IPv4 address, without an ECN mark. Whatever else a packet may be, and whatever may be wrong with it, is
 * left to `Decap`.
 */
import type { PacketBatch } from '../../memory/index.js';
import { viewOf } from '../../memory/internal.js';
import { type NodeTables, TargetKind } from '../../overlay/index.js';
import { ETHERNET_HEADER_LEN, VXLAN_FLAG_I, VXLAN_HEADER_LEN } from '../../wire/index.js';
import { PeerMark, type PeerMarks } from '../peer-marks.js';

const SHORTEST = VXLAN_HEADER_LEN + ETHERNET_HEADER_LEN;
const USUAL_FLAGS = VXLAN_FLAG_I << 24;
const VNI = 4;
/** The bit of the ECN field that ECT(1) and CE have. */
const MARK = 1;
/** Offsets of the frame's second and third word, and the source MAC's group bit in the former. */
const MACS = VXLAN_HEADER_LEN + 4;
const SOURCE_END = VXLAN_HEADER_LEN + 8;
const SOURCE_GROUP = 1 << 8;

/** Decapsulates runs of plain packets. */
export class PlainDecap {
  readonly #tables: NodeTables;
  readonly #heardFrom: PeerMarks;

  /** @param heardFrom the nodes that valid packets came from */
  constructor(tables: NodeTables, heardFrom: PeerMarks) {
    this.#tables = tables;
    this.#heardFrom = heardFrom;
  }

  /**
   * Decapsulates the packets from index `from` on, up to the first that isn't plain: sets `start`, `network` and `node`.
   * @param batch UDP payloads of packets for the VXLAN port, with the `tos` and `sender` of each packet
   * @param opened whether they arrived in ESP
   * @param now seconds, for the ageing of learned entries
   * @returns the index of the packet that isn't plain, or the batch's count
   */
  run(batch: PacketBatch, from: number, opened: boolean, now: number): number {
    const tables = this.#tables;
    const { forwarding, node: here } = tables;
    const { learning, encrypted } = tables.columns;
    const marks = this.#heardFrom.bytes;
    const mark = opened ? PeerMark.Encrypted : PeerMark.Clear;
    const view = viewOf(batch.arena.bytes);
    const { start, end, sender, tos, network, node: nodes, count } = batch;
    // Consecutive packets tend to belong to one network, and to have one sender.
    let knownVni = -1;
    let index = -1;
    let knownSender = 0;
    let node = -1;
    let i = from;
    for (; i < count; i++) {
      const vxlan = start[i];
      if (end[i] - vxlan < SHORTEST || (tos[i] & MARK) !== 0 || view.getInt32(vxlan) !== USUAL_FLAGS) break;
      const word = view.getInt32(vxlan + VNI);
      if ((word & 0xff) !== 0) break;
      const vni = word >>> 8;
      if (vni !== knownVni) {
        index = tables.networkOf(vni);
        if (index < 0 || (encrypted[index] !== 0 && !opened) || learning[index] !== 0) break;
        knownVni = vni;
      }
      const address = view.getInt32(sender[i]);
      if (address !== knownSender || node < 0) {
        node = tables.nodeOf4(address);
        if (node < 0 || node === here) break;
        knownSender = address;
      }
      const middle = view.getInt32(vxlan + MACS);
      const rest = view.getInt32(vxlan + SOURCE_END);
      const high = (middle << 16) | (rest >>> 16);
      const low = rest << 16;
      if ((middle & SOURCE_GROUP) !== 0 || (high | low) === 0) break;
      const found = forwarding.findWords(vni, high, low, now);
      if (found && (forwarding.kind === TargetKind.Local || forwarding.target !== node)) break;
      marks[node] |= mark;
      start[i] = vxlan + VXLAN_HEADER_LEN;
      network[i] = index;
      nodes[i] = node;
    }
    return i;
  }
}
