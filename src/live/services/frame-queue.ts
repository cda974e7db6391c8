/** A bounded queue of frames in slots of an arena: what a software endpoint has yet to send. */
import { type Arena, BATCH_CAPACITY, type PacketBatch } from '../../memory/index.js';

/** Frames in the order in which they were added. */
export class FrameQueue {
  /** Frames dropped because they exceed the slots of the arena that they were to be copied to. */
  tooLong = 0;
  readonly #arena: Arena;
  readonly #slot: Int32Array;
  readonly #start: Int32Array;
  readonly #end: Int32Array;
  #first = 0;
  #count = 0;

  /**
   * @param arena owns the slots
   * @param limit maximum number of frames
   */
  constructor(arena: Arena, limit: number = BATCH_CAPACITY) {
    this.#arena = arena;
    this.#slot = new Int32Array(limit);
    this.#start = new Int32Array(limit);
    this.#end = new Int32Array(limit);
  }

  /** Frames waiting. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds a frame, and takes its slot over.
   * @param start start offset in the arena's bytes
   * @param end end offset in the arena's bytes
   * @returns false if the queue is full: the slot remains the caller's
   */
  push(slot: number, start: number, end: number): boolean {
    const limit = this.#slot.length;
    if (this.#count === limit) return false;
    const at = (this.#first + this.#count) % limit;
    this.#slot[at] = slot;
    this.#start[at] = start;
    this.#end[at] = end;
    this.#count++;
    return true;
  }

  /**
   * Moves frames to a batch until it is full or none are left. They are copied only to a batch on another arena, if
   * that has free slots; the rest waits.
   * @param network set on each frame
   * @returns number of frames moved
   */
  drainInto(batch: PacketBatch, network: number): number {
    const limit = this.#slot.length;
    const isShared = batch.arena === this.#arena;
    let moved = 0;
    while (this.#count > 0 && !batch.full) {
      const at = this.#first;
      const slot = this.#slot[at];
      const start = this.#start[at];
      const end = this.#end[at];
      if (isShared) {
        batch.push(slot, start, end, network);
        moved++;
      } else {
        if (end - start > batch.arena.frameBytes) this.tooLong++;
        else if (batch.copyIn(this.#arena.bytes, start, end, network) < 0) break;
        else moved++;
        this.#arena.free(slot);
      }
      this.#first = (at + 1) % limit;
      this.#count--;
    }
    return moved;
  }

  /** Frees all frames. Returns their number. */
  clear(): number {
    const { length } = this.#slot;
    const count = this.#count;
    for (; this.#count > 0; this.#count--) {
      this.#arena.free(this.#slot[this.#first]);
      this.#first = (this.#first + 1) % length;
    }
    return count;
  }
}
