/**
 * Where packets stand while they are worked on: one array, cut into slots of one size, each with room in front of a
 * frame for the outer headers and behind it for ESP's trailer. Nothing is allocated after it was made.
 */
import { VtepError } from '../error.js';
import { packetMemory } from './kernels.js';

/** Bytes in front of a frame: outer Ethernet with a tag, IPv6, UDP, ESP, UDP, VXLAN take 102. */
export const HEADROOM = 128;
/** Bytes behind it: ESP's padding, trailer and longest ICV take 21. */
export const TAILROOM = 32;
/** What `take` gives when no slot is free. */
export const NO_SLOT = -1;

/** The size of an arena. */
export interface ArenaOptions {
  /** Slots; 1024. */
  readonly slots?: number;
  /** Bytes of the largest frame; 9216, a jumbo frame. */
  readonly frameBytes?: number;
  /** Whether to remember who took each slot, for tests; false. */
  readonly debug?: boolean;
}

/** A wrong use of an arena or a batch: a mistake in the program, never in a packet. */
export class MemoryError extends VtepError<'BAD_ARENA' | 'BAD_RANGE' | 'BAD_SLOT' | 'BATCH_FULL'> {}

/** Slots of memory. */
export class Arena {
  /** All slots, one behind the other. Native ciphers see it by its address: it never moves. */
  readonly bytes: Uint8Array;
  readonly slots: number;
  /** Bytes of a slot, headroom and tailroom included. */
  readonly slotBytes: number;
  /** Bytes of the largest frame that fits. */
  readonly frameBytes: number;

  /** Free slots, the next one to be taken last. */
  readonly #free: Int32Array;
  readonly #taken: Uint8Array;
  #freeCount: number;
  readonly #takers: (string | undefined)[] | undefined;

  /** @throws MemoryError `BAD_ARENA` */
  constructor(options: ArenaOptions = {}) {
    const { slots = 1024, frameBytes = 9216, debug = false } = options;
    if (!Number.isInteger(slots) || slots < 1 || !Number.isInteger(frameBytes) || frameBytes < 64) {
      throw new MemoryError('BAD_ARENA', `an arena has slots, of at least 64 bytes: not ${slots} of ${frameBytes}`);
    }
    this.slots = slots;
    this.frameBytes = frameBytes;
    this.slotBytes = Math.ceil((HEADROOM + frameBytes + TAILROOM) / 64) * 64;
    this.bytes = packetMemory(slots * this.slotBytes);
    this.#free = Int32Array.from({ length: slots }, (_, i) => slots - 1 - i);
    this.#freeCount = slots;
    this.#taken = new Uint8Array(slots);
    this.#takers = debug ? new Array<string | undefined>(slots) : undefined;
  }

  /** Slots that are free. */
  get available(): number {
    return this.#freeCount;
  }

  /** Takes a slot: its number, or `NO_SLOT`. */
  take(): number {
    if (this.#freeCount === 0) return NO_SLOT;
    const slot = this.#free[--this.#freeCount];
    this.#taken[slot] = 1;
    if (this.#takers !== undefined) this.#takers[slot] = new Error('taken').stack;
    return slot;
  }

  /**
   * Gives a slot back.
   * @throws MemoryError `BAD_SLOT` if it isn't taken
   */
  free(slot: number): void {
    if (this.#taken[slot] !== 1) throw new MemoryError('BAD_SLOT', `slot ${slot} is not taken`);
    this.#taken[slot] = 0;
    this.#free[this.#freeCount++] = slot;
    if (this.#takers !== undefined) this.#takers[slot] = undefined;
  }

  /**
   * Gives the first `count` of some slots back.
   * @throws MemoryError `BAD_SLOT` if one isn't taken; those before it are free then
   */
  freeAll(slots: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) this.free(slots[i]);
  }

  /** Where a slot begins in `bytes`. */
  offsetOf(slot: number): number {
    return slot * this.slotBytes;
  }

  /** Where a frame begins in a slot, headers in front of it left out. */
  frameOffsetOf(slot: number): number {
    return slot * this.slotBytes + HEADROOM;
  }

  /** Who took the slots that are not free (with `debug`): a stack trace each. */
  holders(): string[] {
    return (this.#takers ?? []).filter((taker) => taker !== undefined);
  }
}
