/**
 * The second egress stage: prepends IP, UDP and VXLAN headers to each frame (RFC 7348), or only VXLAN's where the kernel
 * writes the others.
 */
import type { PacketBatch } from '../memory/index.js';
import { LITTLE_ENDIAN } from '../memory/internal.js';
import type { NodeTables } from '../overlay/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason } from './drop-reason.js';
import type { Identifications } from './identifications.js';
import { PeerMark, PeerMarks } from './peer-marks.js';
import { PlainEncap } from './plain/plain-encap.js';
import { Tunnel, type TunnelOptions } from './tunnel.js';

/** Encapsulates frames for the VTEP of their `node`. */
export class Encap {
  /** The nodes that packets were sent to. */
  readonly sentTo = new PeerMarks();
  readonly #tables: NodeTables;
  readonly #options: Omit<TunnelOptions, 'port'>;
  readonly #drops: DropCounters;
  /** By node; undefined for this node and for unreachable ones. */
  readonly #tunnels: (Tunnel | undefined)[] = [];
  /** Undefined if this node has an IPv6 address. */
  readonly #plain: PlainEncap | undefined;
  readonly #identifications: Identifications;

  constructor(
    tables: NodeTables,
    drops: DropCounters,
    identifications: Identifications,
    options: Omit<TunnelOptions, 'port'>,
  ) {
    this.#drops = drops;
    this.#identifications = identifications;
    this.#tables = tables;
    this.#options = options;
    const plain = LITTLE_ENDIAN && tables.here.vtep.length === 4;
    this.#plain = plain ? new PlainEncap(tables, identifications, this.sentTo, options) : undefined;
    tables.nodes.forEach((_, node) => this.updateNode(node));
  }

  /** Updates the tunnel of a node from the tables. */
  updateNode(node: number): void {
    const { nodes, port } = this.#tables;
    const { vtep } = this.#tables.here;
    const to = nodes[node]?.vtep;
    const reached = node !== this.#tables.node && to?.length === vtep.length;
    this.sentTo.renew(node);
    this.#plain?.set(node, reached ? to : undefined);
    this.#tunnels[node] = reached ? new Tunnel(vtep, to, { ...this.#options, port }) : undefined;
  }

  /** Encapsulates a batch in place. Afterwards packets begin with their outer IP header. */
  run(batch: PacketBatch): void {
    const { bytes } = batch.arena;
    const { start, end, network, node: nodes, flow, tos, ttl } = batch;
    const { next } = this.#identifications;
    const { vni, encrypted } = this.#tables.columns;
    const marks = this.sentTo.bytes;
    let kept = 0;
    for (let i = 0; i < batch.count; i++) {
      if (this.#plain !== undefined) {
        const stop = this.#plain.run(batch, i);
        kept = batch.moveRun(i, stop, kept);
        i = stop;
        if (i === batch.count) break;
      }
      const node = nodes[i];
      const tunnel = this.#tunnels[node];
      if (tunnel === undefined) {
        this.#drop(batch, i, DropReason.NoRemote);
        continue;
      }
      // A raw socket replaces 0, by a new id for each fragment (raw(7)). IPv6 packets have an id only if fragmented.
      const id = next[node] & 0xffff || 1;
      if (tunnel.family === 4) next[node] = id + 1;
      const ip = tunnel.encapsulate(bytes, start[i], end[i], vni[network[i]], flow[i], tos[i], ttl[i], id);
      if (ip < 0) {
        this.#drop(batch, i, DropReason.PacketTooBig);
        continue;
      }
      marks[node] |= encrypted[network[i]] === 0 ? PeerMark.Clear : PeerMark.Encrypted;
      start[i] = ip;
      batch.move(i, kept++);
    }
    batch.count = kept;
  }

  /**
   * Encapsulates one frame of a clear network in VXLAN alone, and sets its `tos` to that of the outer header.
   * @param frameBytes size of the frame or of its longest segment in bytes
   * @param mtu the longest outer IP packet in bytes
   * @returns whether it fits; if not, or if the node can't be reached, nothing has changed
   */
  runOne(batch: PacketBatch, i: number, frameBytes: number, mtu: number): boolean {
    const { start, network, node: nodes, tos } = batch;
    const node = nodes[i];
    const tunnel = this.#tunnels[node];
    if (tunnel === undefined || tunnel.headerLength + frameBytes > mtu) return false;
    start[i] = tunnel.encapsulateInVxlan(batch.arena.bytes, start[i], this.#tables.columns.vni[network[i]]);
    tos[i] = tunnel.outerTos(tos[i]);
    this.sentTo.bytes[node] |= PeerMark.Clear;
    return true;
  }

  #drop(batch: PacketBatch, i: number, reason: DropReason): void {
    this.#drops.add(reason);
    batch.arena.free(batch.slot[i]);
  }
}
