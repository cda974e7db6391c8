/**
 * Packet memory: one array divided into equally sized slots, each with headroom before the frame for the outer headers
 * and tailroom after it for the ESP trailer. Allocates only at construction.
 */
import { VtepError } from '../error.js';
import { packetMemory } from './kernels.js';

/**
 * Bytes before a frame. Ethernet with a tag (18), IPv6 (40), UDP (8), ESP with its IV (16), UDP (8) and VXLAN (8) take
 * 98.
 */
export const HEADROOM = 128;
/** Bytes after a frame. ESP padding (up to 3), the ESP trailer (2) and the longest ICV (16) take 21. */
export const TAILROOM = 32;
const MAX_HOLDERS = 255;
/** Returned by `take` when no slot is free. */
export const NO_SLOT = -1;

/** Arena dimensions. */
export interface ArenaOptions {
  /**
   * Number of slots.
   * @default 1024
   */
  readonly slots?: number;
  /**
   * Largest frame in bytes.
   * @default 9216 (a jumbo frame)
   */
  readonly frameBytes?: number;
  /**
   * Record a stack trace for each slot taken, so that tests can find leaks.
   * @default false
   */
  readonly debug?: boolean;
}

/** Misuse of an arena or a batch: a bug in the program, never caused by a packet. */
export class MemoryError extends VtepError<'BAD_ARENA' | 'BAD_RANGE' | 'BAD_SLOT' | 'BAD_TIME' | 'BATCH_FULL'> {}

/** A fixed pool of equally sized packet slots. */
export class Arena {
  /** All slots, concatenated. This memory never moves: native ciphers use its address. */
  readonly bytes: Uint8Array;
  /** Number of slots, free and taken. */
  readonly slots: number;
  /** Bytes per slot, including headroom and tailroom. */
  readonly slotBytes: number;
  /** Largest frame in bytes that fits in a slot. */
  readonly frameBytes: number;

  /** Stack of free slots. */
  readonly #free: Int32Array;
  /** How many holders each slot has; 0 for a free one. */
  readonly #holders: Uint8Array;
  #freeCount: number;
  readonly #takers: (string | undefined)[] | undefined;

  /** @throws MemoryError `BAD_ARENA` */
  constructor(options: ArenaOptions = {}) {
    const { slots = 1024, frameBytes = 9216, debug = false } = options;
    if (!Number.isInteger(slots) || slots < 1 || !Number.isInteger(frameBytes) || frameBytes < 64) {
      throw new MemoryError(
        'BAD_ARENA',
        `an arena needs at least one slot, of at least 64 bytes, not ${slots} of ${frameBytes}`,
      );
    }
    this.slots = slots;
    this.frameBytes = frameBytes;
    this.slotBytes = Math.ceil((HEADROOM + frameBytes + TAILROOM) / 64) * 64;
    this.bytes = packetMemory(slots * this.slotBytes);
    this.#free = Int32Array.from({ length: slots }, (_, i) => slots - 1 - i);
    this.#freeCount = slots;
    this.#holders = new Uint8Array(slots);
    this.#takers = debug ? new Array<string | undefined>(slots) : undefined;
  }

  /** Number of free slots. */
  get available(): number {
    return this.#freeCount;
  }

  /**
   * Takes a slot from the pool.
   * @returns its index, or `NO_SLOT` if none is free
   */
  take(): number {
    if (this.#freeCount === 0) return NO_SLOT;
    const slot = this.#free[--this.#freeCount];
    this.#holders[slot] = 1;
    if (this.#takers !== undefined) this.#takers[slot] = new Error('taken').stack;
    return slot;
  }

  /**
   * Gives a slot more holders, for several packets in one slot, such as the segments of one receive. It is free once all
   * of them have freed it.
   * @param more number of further holders; 254 at most
   * @throws MemoryError `BAD_SLOT` if it isn't taken, or would have more than 255 holders
   */
  share(slot: number, more: number): void {
    const holders = this.#holders[slot];
    if (!(holders > 0) || more < 0 || holders + more > MAX_HOLDERS) {
      throw new MemoryError('BAD_SLOT', `slot ${slot} can't have ${more} more holders`);
    }
    this.#holders[slot] = holders + more;
  }

  /**
   * Frees a slot, or takes one of its holders away.
   * @throws MemoryError `BAD_SLOT` if it isn't taken
   */
  free(slot: number): void {
    const holders = this.#holders[slot];
    if (!(holders > 0)) throw new MemoryError('BAD_SLOT', `slot ${slot} is not taken`);
    this.#holders[slot] = holders - 1;
    if (holders > 1) return;
    this.#free[this.#freeCount++] = slot;
    if (this.#takers !== undefined) this.#takers[slot] = undefined;
  }

  /**
   * Frees the first `count` of `slots`.
   * @throws MemoryError `BAD_SLOT` if a slot isn't taken; those before it have been freed
   */
  freeAll(slots: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) this.free(slots[i]);
  }

  /** Offset of a slot in `bytes`. */
  offsetOf(slot: number): number {
    return slot * this.slotBytes;
  }

  /** Offset in `bytes` of a slot's frame, after the headroom. */
  frameOffsetOf(slot: number): number {
    return slot * this.slotBytes + HEADROOM;
  }

  /** Where each slot in use was taken, as stack traces; empty without `debug`. */
  holders(): string[] {
    return (this.#takers ?? []).filter((taker) => taker !== undefined);
  }
}
