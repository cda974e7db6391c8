/** The third egress stage: ESP for the packets of encrypted networks. Without a key they are dropped (fail closed). */
import type { Aead } from '../aead/portable.js';
import { VtepError } from '../error.js';
import { EspDrop, OutboundEsp } from '../ipsec/index.js';
import { SaWord } from '../ipsec/internal.js';
import { BATCH_CAPACITY, type PacketBatch } from '../memory/index.js';
import type { NodeSas, NodeTables } from '../overlay/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason, dropReasonOfEsp } from './drop-reason.js';

/** Packets per batch of the cipher. */
const CAPACITY = BATCH_CAPACITY;
/** With more SAs than this, most are not in the cache when a packet needs them. */
const MANY_SAS = 1000;

/** Encrypts packets of encrypted networks, and passes the others unchanged. */
export class Seal {
  /** Encrypted packets. */
  sealed = 0;
  readonly #columns: NodeTables['columns'];
  readonly #drops: DropCounters;
  readonly #sas: NodeSas | undefined;
  readonly #esp: OutboundEsp | undefined;
  /** The result of reading rows ahead. */
  readonly #touched = new Int32Array(1);

  /**
   * @param aead the cipher that holds the SAs' keys; undefined without keys
   * @param sas SAs of this node
   */
  constructor(tables: Pick<NodeTables, 'columns'>, drops: DropCounters, aead?: Aead, sas?: NodeSas) {
    this.#columns = tables.columns;
    this.#drops = drops;
    this.#sas = sas;
    this.#esp = aead === undefined ? undefined : new OutboundEsp(aead, CAPACITY);
  }

  /**
   * Encrypts a batch in place.
   * @param now seconds, for SA lifetimes
   */
  run(batch: PacketBatch, now: number): void {
    const { count } = batch;
    let kept = 0;
    // In parts no larger than the cipher's batch, so that nothing is encrypted before `#flush`.
    for (let from = 0; from < count; from += CAPACITY)
      kept = this.#part(batch, from, Math.min(count, from + CAPACITY), kept, now);
    batch.count = kept;
  }

  /** Encrypts the packets from one index to another. Returns the number of packets kept so far. */
  #part(batch: PacketBatch, from: number, to: number, kept: number, now: number): number {
    const { arena } = batch;
    const { encrypted } = this.#columns;
    let pushed = kept;
    if (this.#sas !== undefined && this.#sas.inbound.size > MANY_SAS) this.#touch(this.#sas, batch, from, to);
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

  /** Encrypts the pushed packets. Returns false if the cipher failed, because the key of an SA is gone. */
  #flush(esp: OutboundEsp): boolean {
    try {
      esp.flush();
      return true;
    } catch (error) {
      if (error instanceof VtepError) return false;
      throw error;
    }
  }

  /** Drops packets of encrypted networks whose payload is still unencrypted after the ESP header (fail closed). */
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

  /** Reads the rows of a batch's SAs: all at once, whereas `#one` would wait for each that isn't in the cache. */
  #touch(sas: NodeSas, batch: PacketBatch, from: number, to: number): void {
    const { words, stride } = sas.outboundRows;
    let sum = 0;
    for (let i = from; i < to; i++) {
      const node = batch.node[i];
      if (sas.outbound(node) !== undefined) sum |= words[node * stride] | words[node * stride + stride - 1];
    }
    this.#touched[0] ^= sum;
  }

  #one(batch: PacketBatch, i: number, now: number): DropReason {
    const esp = this.#esp;
    const sas = this.#sas;
    const node = batch.node[i];
    const sa = sas?.outbound(node);
    if (esp === undefined || sas === undefined || sa === undefined) return DropReason.NoOutboundSa;
    const { outboundRows } = sas;
    const row = node * outboundRows.stride;
    const inTable = row < outboundRows.words.length && outboundRows.words[row + SaWord.Flags] !== 0;
    // The array is the whole arena: a packet that outgrows its slot would overwrite a neighbouring one.
    const { arena } = batch;
    const slot = arena.offsetOf(batch.slot[i]);
    const drop = esp.pushRow(
      sa,
      inTable ? outboundRows : sa.memory,
      inTable ? row : sa.at,
      arena.bytes,
      batch.start[i],
      batch.end[i],
      now,
      slot,
      slot + arena.slotBytes,
    );
    if (drop !== EspDrop.None) return dropReasonOfEsp(drop);
    batch.start[i] = esp.start;
    batch.end[i] = esp.end;
    this.sealed++;
    return DropReason.None;
  }
}
