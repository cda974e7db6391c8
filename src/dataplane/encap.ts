/** The second stage of the way out: VXLAN, UDP and IP in front of each frame (RFC 7348). */
import type { PacketBatch } from '../memory/index.js';
import type { NodeTables } from '../overlay/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason } from './drop-reason.js';
import type { Identifications } from './identifications.js';
import { Tunnel, type TunnelOptions } from './tunnel.js';

/** Encapsulates frames for their `node`. */
export class Encap {
  /** By network. */
  readonly #vni: Int32Array;
  readonly #drops: DropCounters;
  /** By node; undefined for this one and for those that it can't reach. */
  readonly #tunnels: readonly (Tunnel | undefined)[];
  readonly #identifications: Identifications;

  constructor(
    tables: NodeTables,
    drops: DropCounters,
    identifications: Identifications,
    options: Omit<TunnelOptions, 'port'>,
  ) {
    this.#drops = drops;
    this.#identifications = identifications;
    const { networks, nodes, port } = tables.topology;
    this.#vni = Int32Array.from(networks, ({ vni }) => vni);
    const { vtep } = nodes[tables.node];
    this.#tunnels = nodes.map((node, place) =>
      place === tables.node || node.vtep.length !== vtep.length
        ? undefined
        : new Tunnel(vtep, node.vtep, { ...options, port }),
    );
  }

  /** Encapsulates a batch in place: packets begin with their outer IP header afterwards. */
  run(batch: PacketBatch): void {
    const { bytes } = batch.arena;
    const { start, end, network, node: nodes, flow, tos, ttl } = batch;
    const { next } = this.#identifications;
    let kept = 0;
    for (let i = 0; i < batch.count; i++) {
      const node = nodes[i];
      const tunnel = this.#tunnels[node];
      if (tunnel === undefined) {
        this.#drop(batch, i, DropReason.NoRemote);
        continue;
      }
      // A raw socket fills a 0 in, anew for each fragment (raw(7)). IPv6 has a number where it is fragmented alone.
      const id = next[node] & 0xffff || 1;
      if (tunnel.family === 4) next[node] = id + 1;
      const ip = tunnel.encapsulate(bytes, start[i], end[i], this.#vni[network[i]], flow[i], tos[i], ttl[i], id);
      if (ip < 0) {
        this.#drop(batch, i, DropReason.PacketTooBig);
        continue;
      }
      start[i] = ip;
      batch.move(i, kept++);
    }
    batch.count = kept;
  }

  #drop(batch: PacketBatch, i: number, reason: DropReason): void {
    this.#drops.add(reason);
    batch.arena.free(batch.slot[i]);
  }
}
