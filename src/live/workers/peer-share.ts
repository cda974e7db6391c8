/** A worker's part of the work: SAs belong to the owner of their peer, and frames for it are handed over. */
import type { PacketBatch } from '../../memory/index.js';
import { viewOf } from '../../memory/internal.js';
import { type ReadonlyNodeTables, TargetKind } from '../../overlay/index.js';
import { ETHERNET_HEADER_LEN } from '../../wire/index.js';
import type { WorkerShare } from '../port/worker-share.js';
import { ownerOfPeer } from '../socket/worker-steering.js';
import type { HandOver } from './hand-over.js';
import { HandedOver } from './worker-mesh.js';

/** The group bit of a MAC, in its first word; and the part of a word with a MAC's last two bytes. */
const GROUP = 0x01000000;
const UPPER = 0xffff0000;

/** The part of one worker. */
export class PeerShare implements WorkerShare {
  readonly #worker: number;
  readonly #workers: number;
  readonly #handOver: HandOver;

  constructor(worker: number, workers: number, handOver: HandOver) {
    this.#worker = worker;
    this.#workers = workers;
    this.#handOver = handOver;
  }

  owns(vtep: Uint8Array): boolean {
    return ownerOfPeer(vtep, this.#workers) === this.#worker;
  }

  divert(batch: PacketBatch, tables: ReadonlyNodeTables, now: number): number {
    const { count, arena, start, end } = batch;
    let kept = 0;
    let refused = 0;
    for (let i = 0; i < count; i++) {
      const owner = this.#ownerOf(arena.bytes, start[i], end[i], batch.network[i], tables, now);
      if (owner === this.#worker) {
        batch.move(i, kept++);
        continue;
      }
      const vni = tables.columns.vni[batch.network[i]];
      if (!this.#handOver.push(owner, HandedOver.Outbound, vni, 0, 0, arena.bytes, start[i], end[i])) refused++;
      arena.free(batch.slot[i]);
    }
    batch.count = kept;
    if (kept < count) this.#handOver.flush();
    return refused;
  }

  /** The worker that sends a frame: this one, unless the destination is a peer of another. */
  #ownerOf(
    bytes: Uint8Array,
    start: number,
    end: number,
    network: number,
    tables: ReadonlyNodeTables,
    now: number,
  ): number {
    if (end - start < ETHERNET_HEADER_LEN || network < 0) return this.#worker;
    const view = viewOf(bytes);
    const high = view.getInt32(start);
    // Flooded frames go to no peer (`checkShared`).
    if ((high & GROUP) !== 0) return this.#worker;
    const { forwarding } = tables;
    const found = forwarding.findWords(tables.columns.vni[network], high, view.getInt32(start + 4) & UPPER, now);
    if (!found || forwarding.kind !== TargetKind.Vtep) return this.#worker;
    const vtep = tables.nodes[forwarding.target]?.vtep;
    return vtep === undefined || forwarding.target === tables.node ? this.#worker : ownerOfPeer(vtep, this.#workers);
  }
}
