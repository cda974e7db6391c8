/** A batch of packets passing through the stages: one column per field, with all bytes in one arena. */
import { type Arena, MemoryError, NO_SLOT } from './arena.js';
import { checkRange } from './range.js';
import { WordCopy } from './word-copy.js';

/** Default capacity in packets. */
export const BATCH_CAPACITY = 256;

/** Packets in slots of an arena. Code that removes a packet must free its slot or move it to another batch. */
export class PacketBatch {
  /** Number of packets. */
  count = 0;
  /** Index of the slot that holds each packet. */
  readonly slot: Int32Array;
  /** Start of each packet in the arena's bytes. */
  readonly start: Int32Array;
  /** End of each packet in the arena's bytes. */
  readonly end: Int32Array;
  /** Network id, or -1. */
  readonly network: Int32Array;
  /** Index of the destination node on egress, of the source node on ingress; -1 if unknown. */
  readonly node: Int32Array;
  /** Index of the local endpoint that the frame is for; -1 if not looked up yet, or if it is for all of its network. */
  readonly endpoint: Int32Array;
  /** Flow hash. */
  readonly flow: Int32Array;
  /**
   * DSCP and ECN as one byte, and TTL: of the inner packet on egress, of the outer one on ingress (without its TTL).
   */
  readonly tos: Uint8Array;
  /** TTL of the inner packet, on egress. */
  readonly ttl: Uint8Array;
  /**
   * On ingress: offset of the sender's address (4 or 16 bytes) in the arena's bytes. Set by the code that parses the
   * outer IP header (a socket, or the classifying stage); `push` leaves it unchanged.
   */
  readonly sender: Int32Array;
  /**
   * Payload in bytes per segment of a TCP or UDP frame that is yet to be segmented (GSO); 0 for any other. `push` sets
   * it to 0.
   */
  readonly segment: Uint16Array;
  readonly #copier: WordCopy;

  constructor(
    readonly arena: Arena,
    readonly capacity: number = BATCH_CAPACITY,
  ) {
    this.#copier = new WordCopy(arena.bytes);
    this.slot = new Int32Array(capacity);
    this.start = new Int32Array(capacity);
    this.end = new Int32Array(capacity);
    this.network = new Int32Array(capacity);
    this.node = new Int32Array(capacity);
    this.endpoint = new Int32Array(capacity);
    this.flow = new Int32Array(capacity);
    this.tos = new Uint8Array(capacity);
    this.ttl = new Uint8Array(capacity);
    this.sender = new Int32Array(capacity);
    this.segment = new Uint16Array(capacity);
  }

  /** Whether the batch is full. */
  get full(): boolean {
    return this.count === this.capacity;
  }

  /**
   * Adds a packet that is already in a slot.
   * @param start start offset in the arena's bytes
   * @param end end offset in the arena's bytes
   * @returns its index
   * @throws MemoryError `BATCH_FULL`: check `full` first; `BAD_RANGE` for bytes outside the arena
   */
  push(slot: number, start: number, end: number, network = -1, node = -1, flow = 0, tos = 0, ttl = 0): number {
    if (this.full) throw this.#fullError();
    checkRange(this.arena.bytes, start, end);
    const at = this.count++;
    this.slot[at] = slot;
    this.start[at] = start;
    this.end[at] = end;
    this.network[at] = network;
    this.node[at] = node;
    this.endpoint[at] = -1;
    this.flow[at] = flow;
    this.tos[at] = tos;
    this.ttl[at] = ttl;
    this.segment[at] = 0;
    return at;
  }

  /**
   * Copies a frame into a new slot, after the headroom: the only copy on the ingress path.
   * @param bytes holds the frame, from `offset` to `end`
   * @returns its index, or `NO_SLOT` if the arena has no free slot or the frame is larger than a slot
   * @throws MemoryError `BATCH_FULL`: check `full` first; `BAD_RANGE` for a range outside `bytes`
   */
  copyIn(bytes: Uint8Array, offset: number, end: number, network = -1, node = -1): number {
    const { arena } = this;
    const length = end - offset;
    if (this.full) throw this.#fullError();
    // Check before a slot is taken.
    checkRange(bytes, offset, end);
    if (length > arena.frameBytes) return NO_SLOT;
    const slot = arena.take();
    if (slot === NO_SLOT) return NO_SLOT;
    const start = arena.frameOffsetOf(slot);
    this.#copier.copy(bytes, offset, end, start);
    return this.push(slot, start, start + length, network, node);
  }

  #fullError(): MemoryError {
    return new MemoryError('BATCH_FULL', `the batch is full: it holds ${this.capacity} packets`);
  }

  /** Moves packet `from` to index `to`, for stages that compact the batch after removing packets. */
  move(from: number, to: number): void {
    // Usually nothing was removed. Kept to a few bytecodes so that V8 inlines this test into the callers' loops.
    if (from !== to) this.#copy(from, to);
  }

  /**
   * Moves the packets from index `from` to `stop` to index `to` and those after it, for stages that handle several
   * packets before they compact the batch.
   * @returns the index after the last of them
   */
  moveRun(from: number, stop: number, to: number): number {
    if (from === to) return stop;
    for (let i = from; i < stop; i++) this.#copy(i, to + i - from);
    return to + stop - from;
  }

  #copy(from: number, to: number): void {
    this.slot[to] = this.slot[from];
    this.start[to] = this.start[from];
    this.end[to] = this.end[from];
    this.network[to] = this.network[from];
    this.node[to] = this.node[from];
    this.endpoint[to] = this.endpoint[from];
    this.flow[to] = this.flow[from];
    this.tos[to] = this.tos[from];
    this.ttl[to] = this.ttl[from];
    this.sender[to] = this.sender[from];
    this.segment[to] = this.segment[from];
  }

  /**
   * Frees every packet's slot and empties the batch.
   * @throws MemoryError `BAD_SLOT` if a slot was already freed
   */
  clear(): void {
    this.arena.freeAll(this.slot, this.count);
    this.count = 0;
  }
}
