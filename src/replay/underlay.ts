/** A network between the nodes that loses, reorders, repeats and corrupts packets, all from a seed. */
import type { BatchSink } from '../dataplane/index.js';
import { type Arena, NO_SLOT, PacketBatch } from '../memory/index.js';
import { WordCopy } from '../memory/word-copy.js';
import { SeededRandom } from './random.js';

/** What the network does to packets; probabilities from 0 to 1. */
export interface UnderlayOptions {
  readonly loss?: number;
  readonly reorder?: number;
  readonly duplicate?: number;
  readonly corrupt?: number;
  readonly seed?: number;
}

/** Packets of a delay line that a reordered packet waits for, at the most. */
const LINE = 16;

/** Carries packets from chains to chains: each is copied, as from one host to the other. */
export class Underlay {
  /** packets + duplicates = delivered + lost + noMemory, once it is drained. */
  packets = 0;
  duplicates = 0;
  delivered = 0;
  lost = 0;
  noMemory = 0;
  /** Of the delivered ones, those that were held back, and those that a bit was changed in. */
  reordered = 0;
  corrupted = 0;

  readonly #arena: Arena;
  readonly #copy: WordCopy;
  readonly #options: Required<UnderlayOptions>;
  readonly #random: SeededRandom;
  readonly #inboxes: readonly PacketBatch[];
  /** Nodes whose inboxes hold packets; in no order, and one may be here twice. */
  readonly #waiting: number[] = [];
  readonly #receivers: readonly BatchSink[];
  /** Packets that wait: for which node, and for how many packets more. */
  readonly #line: PacketBatch;
  readonly #wait = new Int32Array(LINE);

  /**
   * @param arena of the receiving side
   * @param receivers by node: each takes batches of packets in that arena
   * @param batchSize packets that are handed over together
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

  /** Takes packets off a node; each goes to its `node`. */
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

  /** Delivers everything that is on its way. */
  drain(): void {
    for (let i = 0; i < this.#line.count; i++) this.#wait[i] = 0;
    this.#release();
    const waiting = this.#waiting;
    for (const node of waiting) this.#hand(node);
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
      // What routers and memories break; on a link Ethernet's own checksum would have caught it.
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

  /** Lets go what has waited long enough. */
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
    this.#hand(node);
    if (this.#waiting[this.#waiting.length - 1] === node) this.#waiting.length--;
  }

  #hand(node: number): void {
    const inbox = this.#inboxes[node];
    if (inbox.count > 0) this.#receivers[node](inbox);
  }
}
