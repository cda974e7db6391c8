/** The third stage of the way out: ESP around the packets of encrypted networks. Without a key nothing leaves (fail closed). */
import type { Aead } from '../aead/aead.js';
import { VtepError } from '../error.js';
import { EspDrop, OutboundEsp, outboundHeadroom, outboundTailroom } from '../ipsec/index.js';
import { BATCH_CAPACITY, type PacketBatch } from '../memory/index.js';
import type { NodeSas, NodeTables } from '../overlay/index.js';
import { ETHERNET_SPAN } from '../wire/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason, dropReasonOfEsp } from './drop-reason.js';

/** Packets that are sealed together. */
const CAPACITY = BATCH_CAPACITY;

/** Seals packets of encrypted networks, and lets the others pass. */
export class Seal {
  /** Packets that were sealed. */
  sealed = 0;
  readonly #columns: NodeTables['columns'];
  readonly #drops: DropCounters;
  readonly #sas: NodeSas | undefined;
  readonly #esp: OutboundEsp | undefined;

  /**
   * @param aead the cipher that the SAs' keys are in; none where there are no keys
   * @param sas of this node
   */
  constructor(tables: Pick<NodeTables, 'columns'>, drops: DropCounters, aead?: Aead, sas?: NodeSas) {
    this.#columns = tables.columns;
    this.#drops = drops;
    this.#sas = sas;
    this.#esp = aead === undefined ? undefined : new OutboundEsp(aead, CAPACITY);
  }

  /**
   * Seals a batch in place.
   * @param now seconds of the clock that SAs live by
   */
  run(batch: PacketBatch, now: number): void {
    const { count } = batch;
    let kept = 0;
    // In parts that the cipher takes at once, so that nothing is sealed before `#flush`.
    for (let from = 0; from < count; from += CAPACITY)
      kept = this.#part(batch, from, Math.min(count, from + CAPACITY), kept, now);
    batch.count = kept;
  }

  /** Seals the packets from one place to another. Returns how many packets are kept then. */
  #part(batch: PacketBatch, from: number, to: number, kept: number, now: number): number {
    const { arena } = batch;
    const { encrypted } = this.#columns;
    let pushed = kept;
    for (let i = from; i < to; i++) {
      if (encrypted[batch.network[i]] !== 0) {
        const reason = this.#one(batch, i, now);
        if (reason !== DropReason.None) {
          this.#drops.add(reason);
          arena.free(batch.slot[i]);
          continue;
        }
      }
      batch.move(i, pushed++);
    }
    const esp = this.#esp;
    return esp === undefined || this.#flush(esp) ? pushed : this.#dropUnsealed(batch, kept, pushed);
  }

  /** Seals what was pushed. Returns false if the cipher refused it: an SA's key is gone. */
  #flush(esp: OutboundEsp): boolean {
    try {
      esp.flush();
      return true;
    } catch (error) {
      if (error instanceof VtepError) return false;
      throw error;
    }
  }

  /** Drops the packets of encrypted networks among some that are still clear behind their ESP headers (fail closed). */
  #dropUnsealed(batch: PacketBatch, from: number, to: number): number {
    const { encrypted } = this.#columns;
    let kept = from;
    for (let i = from; i < to; i++) {
      if (encrypted[batch.network[i]] === 0) {
        batch.move(i, kept++);
        continue;
      }
      this.sealed--;
      this.#drops.add(DropReason.NoOutboundSa);
      batch.arena.free(batch.slot[i]);
    }
    return kept;
  }

  #one(batch: PacketBatch, i: number, now: number): DropReason {
    const esp = this.#esp;
    const sa = this.#sas?.outbound(batch.node[i]);
    if (esp === undefined || sa === undefined) return DropReason.NoOutboundSa;
    // The whole arena is the array: what outgrew its slot would stand in the one before or the next.
    const { arena } = batch;
    const slot = arena.offsetOf(batch.slot[i]);
    const before = batch.start[i] - slot;
    const behind = slot + arena.slotBytes - batch.end[i];
    // With the Ethernet header that the writer of a capture puts in front.
    const fits = before >= outboundHeadroom(sa) + ETHERNET_SPAN && behind >= outboundTailroom(sa);
    if (!fits) return DropReason.EspNoRoom;
    const drop = esp.push(sa, arena.bytes, batch.start[i], batch.end[i], now);
    if (drop !== EspDrop.None) return dropReasonOfEsp(drop);
    batch.start[i] = esp.start;
    batch.end[i] = esp.end;
    this.sealed++;
    return DropReason.None;
  }
}
