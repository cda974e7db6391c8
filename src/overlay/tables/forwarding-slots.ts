/**
 * The slots of the forwarding table: open addressing in one typed array, 16 bytes per slot, so that a look-up usually
 * touches one cache line. Linear probing with backward-shift deletion (no tombstones).
 */
import type { HashKey } from '../../memory/index.js';
import { hashMac } from '../../memory/internal.js';

// Slot layout: the MAC's first 4 bytes; its last 2 with the VNI's low 16 bits; the VNI's high 8 bits with the target;
// the time last seen with the flags. In an empty slot, all flags are clear.
export const SLOT_WORDS = 4;
/** Words of the hash key: a MAC and a VNI. */
export const KEY_WORDS = 2;
export const TARGET_BITS = 24;
export const TARGET_MASK = (1 << TARGET_BITS) - 1;
export const USED = 1;
export const STATIC = 2;
export const LOCAL = 4;
export const FLAG_BITS = 3;
const FIRST_SLOTS = 64;
/** Maximum load factor, in eighths. */
const MAX_LOAD = 5;

/** Slots by (MAC, VNI), the key in three words of the slot's layout. */
export class ForwardingSlots {
  /** All slots; replaced by `reserve`. */
  words = new Int32Array(FIRST_SLOTS * SLOT_WORDS);
  /** Number of slots less one. */
  mask = FIRST_SLOTS - 1;
  /** Number of slots in use, and of those among them without the flag `STATIC`. The caller counts the slots that it fills. */
  size = 0;
  learned = 0;
  readonly #hashKey: HashKey;

  constructor(hashKey: HashKey) {
    this.#hashKey = hashKey;
  }

  /** Offset of the first word of the slot that holds the key, or of the empty slot where it belongs. */
  probe(key0: number, key1: number, key2: number): number {
    const { words, mask } = this;
    let slot = this.#hash(key0, key1, key2) >>> Math.clz32(mask);
    for (;;) {
      const at = slot * SLOT_WORDS;
      if (words[at + 3] === 0) return at;
      if (words[at] === key0 && words[at + 1] === key1 && (words[at + 2] & ~TARGET_MASK) === key2) return at;
      slot = (slot + 1) & mask;
    }
  }

  /** Makes room for one more entry, which invalidates offsets. */
  reserve(): void {
    if ((this.size + 1) * 8 > (this.mask + 1) * MAX_LOAD) this.#grow();
  }

  /** Empties a slot. Entries after it may move into it, also across the array's end. */
  remove(slot: number): void {
    const { words, mask } = this;
    const shift = Math.clz32(mask);
    let hole = slot;
    if ((words[hole * SLOT_WORDS + 3] & STATIC) === 0) this.learned--;
    words[hole * SLOT_WORDS + 3] = 0;
    this.size--;
    for (let next = (hole + 1) & mask; words[next * SLOT_WORDS + 3] !== 0; next = (next + 1) & mask) {
      const at = next * SLOT_WORDS;
      const home = this.#hash(words[at], words[at + 1], words[at + 2] & ~TARGET_MASK) >>> shift;
      // An entry moves back unless its home slot lies after the hole.
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        words.copyWithin(hole * SLOT_WORDS, at, at + SLOT_WORDS);
        words[at + 3] = 0;
        hole = next;
      }
    }
  }

  /**
   * Removes learned entries that lack a flag and whose second and third words match under masks. Packets wait
   * meanwhile, so it scans the slots as fast as they can be read.
   * @returns their number
   */
  removeLearned(flag: number, mask1: number, value1: number, mask2: number, value2: number): number {
    if (this.learned === 0) return 0;
    const { words } = this;
    const before = this.size;
    const slots = this.mask + 1;
    // Entries that move into this slot are examined again; those that wrap around the end have been examined.
    for (let slot = 0; slot < slots; slot++) {
      const at = slot * SLOT_WORDS;
      while (
        (words[at + 3] & (USED | STATIC | flag)) === USED &&
        (words[at + 1] & mask1) === value1 &&
        (words[at + 2] & mask2) === value2
      ) {
        this.remove(slot);
      }
    }
    return before - this.size;
  }

  /**
   * Removes the entries that a predicate condemns, given the offset of their first word.
   * @returns their number
   */
  removeWhere(condemned: (words: Int32Array, at: number) => boolean): number {
    const { words, mask } = this;
    const before = this.size;
    // Start after an empty slot, so as not to start in the middle of a run; moved entries are examined again.
    let first = 0;
    while (words[first * SLOT_WORDS + 3] !== 0) first++;
    for (let step = 1; step <= mask; step++) {
      const slot = (first + step) & mask;
      while (words[slot * SLOT_WORDS + 3] !== 0 && condemned(words, slot * SLOT_WORDS)) this.remove(slot);
    }
    return before - this.size;
  }

  #hash(key0: number, key1: number, key2: number): number {
    return hashMac(this.#hashKey, key0, key1 >>> 16, (key1 & 0xffff) | (key2 >>> 8));
  }

  #grow(): void {
    const old = this.words;
    const slots = (this.mask + 1) * 2;
    const words = new Int32Array(slots * SLOT_WORDS);
    const mask = slots - 1;
    const shift = Math.clz32(mask);
    for (let at = 0; at < old.length; at += SLOT_WORDS) {
      if (old[at + 3] === 0) continue;
      let slot = this.#hash(old[at], old[at + 1], old[at + 2] & ~TARGET_MASK) >>> shift;
      while (words[slot * SLOT_WORDS + 3] !== 0) slot = (slot + 1) & mask;
      const to = slot * SLOT_WORDS;
      words[to] = old[at];
      words[to + 1] = old[at + 1];
      words[to + 2] = old[at + 2];
      words[to + 3] = old[at + 3];
    }
    this.words = words;
    this.mask = mask;
  }
}
