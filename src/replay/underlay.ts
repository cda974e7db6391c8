/** A simulated network that loses, reorders, duplicates and corrupts packets, reproducibly by a seed. */
import type { BatchSink } from '../dataplane/index.js';
import { type Arena, NO_SLOT, PacketBatch } from '../memory/index.js';
import { WordCopy } from '../memory/internal.js';
import { SeededRandom } from './random.js';

/** Impairments of the network, as probabilities from 0 to 1. */
export interface UnderlayOptions {
  readonly loss?: number;
  readonly reorder?: number;
  readonly duplicate?: number;
  readonly corrupt?: number;
  readonly seed?: number;
}

/** Size of the delay line: a reordered packet is overtaken by at most that many others. */
const LINE = 16;

/** Carries packets from node to node. Each is copied, as from host to host. */
export class Underlay {
  /** packets + duplicates = delivered + lost + noMemory, after `drain`. */
  packets = 0;
  duplicates = 0;
  delivered = 0;
  lost = 0;
  noMemory = 0;
  /** Delivered packets that were delayed, and those with a changed bit. */
  reordered = 0;
  corrupted = 0;

  readonly #arena: Arena;
  readonly #copy: WordCopy;
  readonly #options: Required<UnderlayOptions>;
  readonly #random: SeededRandom;
  readonly #inboxes: readonly PacketBatch[];
  /** Nodes with packets in their inbox, in no order and with possible duplicates. */
  readonly #waiting: number[] = [];
  readonly #receivers: readonly BatchSink[];
  /** Delayed packets, and for how many more packets each waits. */
  readonly #line: PacketBatch;
  readonly #wait = new Int32Array(LINE);

  /**
   * @param arena arena of the receiving side
   * @param receivers by node: each takes batches of packets in `arena`
   * @param batchSize packets per batch
   */
  constructor(arena: Arena, receivers: readonly BatchSink[], batchSize: number, options: UnderlayOptions = {}) {
    const { loss = 0, reorder = 0, duplicate = 0, corrupt = 0, seed = 0 } = options;
    this.#arena = arena;
    this.#copy = new WordCopy(arena.bytes);
    this.#options = { loss, reorder, duplicate, corrupt, seed };
    this.#random = new SeededRandom(seed);
    this.#receivers = receivers;
    this.#inboxes = receivers.map(() => new PacketBatch(arena, batchSize));
    this.#line = new PacketBatch(arena, LINE);
  }

  /** Takes packets sent by a node, each to its `node`. */
  transmit(batch: PacketBatch): void {
    const random = this.#random;
    const { loss, duplicate } = this.#options;
    for (let i = 0; i < batch.count; i++) {
      this.packets++;
      const copies = random.chance(duplicate) ? 2 : 1;
      this.duplicates += copies - 1;
      for (let n = 0; n < copies; n++) {
        if (random.chance(loss)) this.lost++;
        else this.#carry(batch, i);
      }
    }
  }

  /** Delivers everything in transit. */
  drain(): void {
    for (let i = 0; i < this.#line.count; i++) this.#wait[i] = 0;
    this.#release();
    const waiting = this.#waiting;
    for (const node of waiting) this.#flush(node);
    waiting.length = 0;
  }

  #carry(batch: PacketBatch, i: number): void {
    const arena = this.#arena;
    const slot = arena.take();
    if (slot === NO_SLOT || batch.end[i] - batch.start[i] > arena.frameBytes) {
      if (slot !== NO_SLOT) arena.free(slot);
      this.noMemory++;
      return;
    }
    const start = arena.frameOffsetOf(slot);
    const end = start + batch.end[i] - batch.start[i];
    this.#copy.copy(batch.arena.bytes, batch.start[i], batch.end[i], start);
    const random = this.#random;
    if (random.chance(this.#options.corrupt)) {
      this.corrupted++;
      // As a faulty router or memory would; Ethernet's FCS catches errors on a link.
      const bit = random.below((end - start) * 8);
      arena.bytes[start + (bit >>> 3)] ^= 1 << (bit & 7);
    }
    for (let n = 0; n < this.#line.count; n++) this.#wait[n]--;
    if (this.#line.count < LINE && random.chance(this.#options.reorder)) {
      this.reordered++;
      this.#wait[this.#line.count] = 1 + random.below(LINE);
      this.#line.push(slot, start, end, -1, batch.node[i]);
    } else {
      this.#deliver(slot, start, end, batch.node[i]);
    }
    this.#release();
  }

  /** Releases packets that have waited long enough. */
  #release(): void {
    const line = this.#line;
    let kept = 0;
    for (let n = 0; n < line.count; n++) {
      if (this.#wait[n] <= 0) {
        this.#deliver(line.slot[n], line.start[n], line.end[n], line.node[n]);
      } else {
        this.#wait[kept] = this.#wait[n];
        line.move(n, kept++);
      }
    }
    line.count = kept;
  }

  #deliver(slot: number, start: number, end: number, node: number): void {
    const inbox = this.#inboxes[node];
    this.delivered++;
    if (inbox.count === 0) this.#waiting.push(node);
    inbox.push(slot, start, end);
    if (!inbox.full) return;
    this.#flush(node);
    if (this.#waiting[this.#waiting.length - 1] === node) this.#waiting.length--;
  }

  #flush(node: number): void {
    const inbox = this.#inboxes[node];
    if (inbox.count > 0) this.#receivers[node](inbox);
  }
}
