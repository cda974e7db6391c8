/** Packets on their way through the stages: columns side by side, the bytes of all in one arena. */
import { type Arena, MemoryError, NO_SLOT } from './arena.js';
import { checkRange } from './range.js';
import { WordCopy } from './word-copy.js';

/** Packets of a batch at the most, unless another number is asked for. */
export const BATCH_CAPACITY = 256;

/** Packets in slots of an arena. Who takes one out of a batch frees its slot or puts it into another batch. */
export class PacketBatch {
  /** How many packets there are. */
  count = 0;
  readonly slot: Int32Array;
  /** Where each begins and ends in the arena's bytes. */
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** Number of its network, or -1. */
  readonly network: Int32Array;
  /** Index of the node that it goes to, on egress, or comes from, on ingress; or -1. */
  readonly node: Int32Array;
  /** Index of the endpoint of this node that it is for; -1 as long as there is none, and for all of its network. */
  readonly endpoint: Int32Array;
  /** Hash of its flow. */
  readonly flow: Int32Array;
  /** DSCP with ECN, and TTL: of the packet inside on egress, of the outer packet on ingress (the TTL isn't kept). */
  readonly tos: Uint8Array;
  readonly ttl: Uint8Array;
  /**
   * On ingress: offset in the arena's bytes of the sender's address, 4 or 16 bytes. Set by who has seen the IP header, a
   * socket or the stage that classifies; `push` leaves it.
   */
  readonly sender: Int32Array;
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
  }

  /** Whether no more packets fit. */
  get full(): boolean {
    return this.count === this.capacity;
  }

  /**
   * Adds a packet that stands in a slot already.
   * @returns its index
   * @throws MemoryError `BATCH_FULL`: ask `full` first; `BAD_RANGE` for bytes that aren't the arena's
   */
  push(slot: number, start: number, end: number, network = -1, node = -1, flow = 0, tos = 0, ttl = 0): number {
    if (this.full) throw this.#tooMany();
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
    return at;
  }

  /**
   * Copies a frame into a slot of its own, headroom in front of it: the one copy on a packet's way in.
   * @returns its index, or `NO_SLOT` if the arena has no slot, or none that is large enough
   * @throws MemoryError `BATCH_FULL`: ask `full` first; `BAD_RANGE` for a range that isn't one of `bytes`
   */
  copyIn(bytes: Uint8Array, offset: number, end: number, network = -1, node = -1): number {
    const { arena } = this;
    const length = end - offset;
    if (this.full) throw this.#tooMany();
    // Before a slot is taken.
    checkRange(bytes, offset, end);
    if (length > arena.frameBytes) return NO_SLOT;
    const slot = arena.take();
    if (slot === NO_SLOT) return NO_SLOT;
    const start = arena.frameOffsetOf(slot);
    this.#copier.copy(bytes, offset, end, start);
    return this.push(slot, start, start + length, network, node);
  }

  #tooMany(): MemoryError {
    return new MemoryError('BATCH_FULL', `a batch of ${this.capacity} packets takes no more`);
  }

  /** Moves packet `from` to place `to`, for stages that close up behind the packets that they took out. */
  move(from: number, to: number): void {
    // As a rule nothing was taken out; few bytecodes, so that V8 takes this test into the loops.
    if (from !== to) this.#copy(from, to);
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
  }

  /**
   * Gives every packet's slot back.
   * @throws MemoryError `BAD_SLOT` if one was given back already
   */
  clear(): void {
    this.arena.freeAll(this.slot, this.count);
    this.count = 0;
  }
}
