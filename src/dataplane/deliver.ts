/** The last stage of ingress: picks the local endpoint for a frame. */
import { NO_SLOT, type PacketBatch } from '../memory/index.js';
import { viewOf } from '../memory/internal.js';
import { type NodeTables, TargetKind } from '../overlay/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason } from './drop-reason.js';

/** The group bit in the first word of a MAC. */
const GROUP = 1 << 24;

/** Delivers frames to local endpoints. */
export class Deliver {
  /** Copies made of group frames. */
  copies = 0;
  readonly #tables: NodeTables;
  readonly #drops: DropCounters;

  constructor(tables: NodeTables, drops: DropCounters) {
    this.#tables = tables;
    this.#drops = drops;
  }

  /**
   * Delivers a batch of frames. Unicast frames stay in `batch`, with their `endpoint`; multicast copies, and everything
   * after the first of them, go to `output`. Send `batch` first to preserve order.
   * @param output receives group frames, one copy per endpoint, and all frames after the first of them
   * @param overflow delivers a full output, or the frames kept in the batch so far, and empties it
   * @param now seconds, for the ageing of learned entries
   */
  run(batch: PacketBatch, output: PacketBatch, overflow: (batch: PacketBatch) => void, now: number): void {
    const { bytes } = batch.arena;
    const { forwarding, columns } = this.#tables;
    const view = viewOf(bytes);
    const { count } = batch;
    let kept = 0;
    let spilling = false;
    for (let i = 0; i < count; i++) {
      if (!spilling) {
        const stop = this.#toEndpoints(batch, i, now);
        kept = batch.moveRun(i, stop, kept);
        i = stop;
        if (i === count) break;
      }
      const start = batch.start[i];
      const network = batch.network[i];
      const high = view.getInt32(start);
      if ((high & GROUP) !== 0) {
        spilling = true;
        if (kept > 0) {
          batch.count = kept;
          overflow(batch);
          kept = 0;
        }
        this.#toGroup(batch, i, output, overflow);
        continue;
      }
      const found = forwarding.findWords(columns.vni[network], high, view.getUint16(start + 4) << 16, now);
      if (!found || forwarding.kind !== TargetKind.Local) {
        // A frame for another node's endpoint would go back out the way it came.
        this.#drops.add(found ? DropReason.Loop : DropReason.NoLocalEndpoint);
        batch.arena.free(batch.slot[i]);
        continue;
      }
      if (spilling) {
        if (output.full) overflow(output);
        const at = output.push(batch.slot[i], start, batch.end[i], network, batch.node[i]);
        output.endpoint[at] = forwarding.target;
        output.segment[at] = batch.segment[i];
        continue;
      }
      batch.endpoint[i] = forwarding.target;
      batch.move(i, kept++);
    }
    batch.count = kept;
  }

  /**
   * Sets the endpoint of the frames from an index on, up to the first that isn't for an endpoint of this node. Returns
   * that one's index, or the batch's count.
   */
  #toEndpoints(batch: PacketBatch, from: number, now: number): number {
    const { start, network, endpoint, count } = batch;
    const { forwarding, columns } = this.#tables;
    const { vni } = columns;
    const view = viewOf(batch.arena.bytes);
    // Consecutive frames tend to have one destination.
    let knownNetwork = -1;
    let knownHigh = 0;
    let knownLow = 0;
    let i = from;
    for (; i < count; i++) {
      const index = network[i];
      const high = view.getInt32(start[i]);
      const low = view.getUint16(start[i] + 4);
      if (index !== knownNetwork || high !== knownHigh || low !== knownLow) {
        if ((high & GROUP) !== 0 || !forwarding.findWords(vni[index], high, low << 16, now)) break;
        if (forwarding.kind !== TargetKind.Local) break;
        knownNetwork = index;
        knownHigh = high;
        knownLow = low;
      }
      endpoint[i] = forwarding.target;
    }
    return i;
  }

  #toGroup(batch: PacketBatch, i: number, output: PacketBatch, overflow: (batch: PacketBatch) => void): void {
    const { arena } = batch;
    const start = batch.start[i];
    const end = batch.end[i];
    const network = batch.network[i];
    const endpoints = this.#tables.columns.local[network];
    if (endpoints.length === 0) {
      this.#drops.add(DropReason.NoLocalEndpoint);
      arena.free(batch.slot[i]);
      return;
    }
    for (let n = 1; n < endpoints.length; n++) {
      this.copies++;
      const slot = arena.take();
      if (slot === NO_SLOT) {
        this.#drops.add(DropReason.NoMemory);
        continue;
      }
      const to = arena.frameOffsetOf(slot);
      arena.bytes.copyWithin(to, start, end);
      if (output.full) overflow(output);
      this.#push(output, slot, to, to + end - start, batch, i, endpoints[n]);
    }
    if (output.full) overflow(output);
    this.#push(output, batch.slot[i], start, end, batch, i, endpoints[0]);
  }

  /** Adds a copy of packet `i` for an endpoint. */
  #push(
    output: PacketBatch,
    slot: number,
    start: number,
    end: number,
    batch: PacketBatch,
    i: number,
    to: number,
  ): void {
    const at = output.push(slot, start, end, batch.network[i], batch.node[i]);
    output.endpoint[at] = to;
    output.segment[at] = batch.segment[i];
  }
}
