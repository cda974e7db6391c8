/**
 * The forwarding table (FDB): maps a VNI and a MAC to a VTEP or a local endpoint. Open addressing in one typed array,
 * 16 bytes per slot, so that a look-up usually touches one cache line. Linear probing with backward-shift deletion (no
 * tombstones). Entries that Linux's `bridge fdb` calls permanent are static here; learned entries age.
 */
import { drawHashKey, hashKeyOf, hashMac, type HashKey } from '../../memory/hash.js';
import { getWord } from '../../memory/word.js';
import { OverlayError } from '../error.js';
import { type ForwardingEntry, TargetKind } from './forwarding-entry.js';

/** Result of learning a source MAC. */
export const LearnOutcome = {
  /** New entry. */
  Added: 0,
  /** Existing entry, refreshed. */
  Refreshed: 1,
  /** Existing entry with a new target. */
  Moved: 2,
  /** A static entry has another target: Linux drops such a frame (VXLAN_ENTRY_EXISTS). */
  Conflict: 3,
  /** The table is full. */
  Full: 4,
} as const;
export type LearnOutcome = (typeof LearnOutcome)[keyof typeof LearnOutcome];

/** What to do with a new entry when the table is full. */
export const FullPolicy = {
  /** Reject it. */
  Refuse: 0,
  /**
   * Evict the oldest of a sample of learned entries. Static entries are never evicted; if there are hardly any others,
   * a learned entry may still be refused.
   */
  Evict: 1,
} as const;
export type FullPolicy = (typeof FullPolicy)[keyof typeof FullPolicy];

/** Limits and timeouts. */
export interface ForwardingTableOptions {
  /**
   * Maximum number of entries.
   * @default 1048576
   */
  readonly limit?: number;
  /**
   * Seconds after which a learned entry expires unless it is seen again.
   * @default 300 (Linux's)
   */
  readonly ageing?: number;
  /**
   * What to do with a new entry when the table is full.
   * @default FullPolicy.Refuse
   */
  readonly whenFull?: FullPolicy;
  /**
   * Hash seed, for tests.
   * @default a random secret key, so that nobody can choose MACs that collide (memory/hash.ts)
   */
  readonly seed?: number;
}

// Slot layout: the MAC's first 4 bytes; its last 2 with the VNI's low 16 bits; the VNI's high 8 bits with the target;
// the time last seen with the flags. In an empty slot, all flags are clear.
const SLOT_WORDS = 4;
/** Words of the hash key: a MAC and a VNI. */
const KEY_WORDS = 2;
const TARGET_BITS = 24;
const TARGET_MASK = (1 << TARGET_BITS) - 1;
/** The largest target id. */
export const MAX_TARGET = TARGET_MASK;
const USED = 1;
const STATIC = 2;
const LOCAL = 4;
const FLAG_BITS = 3;
const MAX_SECONDS = 2 ** (32 - FLAG_BITS) - 1;
const FIRST_SLOTS = 64;
/** Maximum load factor, in eighths. */
const MAX_LOAD = 5;
/** Learned entries sampled to find an old one. */
const EVICTION_SAMPLE = 16;
/** Slots examined for the sample while a packet waits: static entries may fill nearly all. */
const EVICTION_SLOTS = 256;

/** Maps (VNI, MAC) to a target. */
export class ForwardingTable {
  /** Result of the last successful `find`. */
  kind: TargetKind = TargetKind.Vtep;
  target = -1;

  /** Look-ups, and those that found an entry. */
  lookups = 0;
  hits = 0;
  /** Counts of learned entries: added, moved, aged out, evicted, and refused for lack of space. */
  learned = 0;
  moves = 0;
  aged = 0;
  evicted = 0;
  refused = 0;
  /** Sources that contradict a static entry. */
  conflicts = 0;

  readonly #limit: number;
  readonly #ageing: number;
  readonly #whenFull: FullPolicy;
  readonly #hashKey: HashKey;
  #words: Int32Array;
  #mask: number;
  #size = 0;
  /** Number of learned entries. */
  #learnedSize = 0;
  /** Slots where the eviction search and the sweep resume. */
  #cursor = 0;
  #swept = 0;
  /** Times are stored relative to the first one, so that they fit in the 29 bits next to the flags. */
  #epoch = Number.NaN;
  // The key in the format of a slot.
  #key0 = 0;
  #key1 = 0;
  #key2 = 0;

  /** @throws OverlayError `BAD_TABLE` for an invalid limit */
  constructor(options: ForwardingTableOptions = {}) {
    const { limit = 1 << 20, ageing = 300, whenFull = FullPolicy.Refuse, seed } = options;
    if (!Number.isInteger(limit) || limit < 1 || limit > 1 << 26) {
      throw new OverlayError('BAD_TABLE', `a forwarding table holds 1 to ${1 << 26} entries, not ${limit}`);
    }
    this.#limit = limit;
    this.#ageing = ageing;
    this.#whenFull = whenFull;
    this.#hashKey = seed === undefined ? drawHashKey(KEY_WORDS) : hashKeyOf(seed, KEY_WORDS);
    this.#words = new Int32Array(FIRST_SLOTS * SLOT_WORDS);
    this.#mask = FIRST_SLOTS - 1;
  }

  /** Number of entries, including expired ones that weren't swept yet. */
  get size(): number {
    return this.#size;
  }

  /** Maximum number of entries. */
  get limit(): number {
    return this.#limit;
  }

  /** Size of the slots in bytes. */
  get byteLength(): number {
    return this.#words.byteLength;
  }

  /**
   * Looks up a MAC and sets `kind` and `target` to what it found.
   * @param mac holds the address, at `offset`
   * @param now seconds of the caller's clock, for ageing
   */
  find(vni: number, mac: Uint8Array, offset: number, now: number): boolean {
    return this.findWords(vni, getWord(mac, offset), (mac[offset + 4] << 24) | (mac[offset + 5] << 16), now);
  }

  /**
   * The same for a MAC in two words, for callers that read it along with adjacent fields.
   * @param high its first 4 bytes, in network byte order
   * @param low its last 2 bytes, in the upper half of a word
   */
  findWords(vni: number, high: number, low: number, now: number): boolean {
    this.lookups++;
    const words = this.#words;
    const at = this.#probe(high, low | (vni & 0xffff), (vni >>> 16) << TARGET_BITS);
    const last = words[at + 3];
    // Static entries, the vast majority, never expire.
    if (last === 0 || ((last & STATIC) === 0 && this.#isOld(last, now))) return false;
    this.hits++;
    this.kind = (last & LOCAL) === 0 ? TargetKind.Vtep : TargetKind.Local;
    this.target = words[at + 2] & TARGET_MASK;
    return true;
  }

  /**
   * Sets a static entry, replacing an existing one.
   * @returns false if the table is full of static entries
   * @throws OverlayError `BAD_TABLE` for a target out of range
   */
  set(vni: number, mac: Uint8Array, offset: number, kind: TargetKind, target: number): boolean {
    checkTarget(target);
    this.#setKey(vni, mac, offset);
    let at = this.#slotOf();
    if (this.#words[at + 3] === 0) {
      if (!this.#makeRoom(true)) return false;
      at = this.#slotOf();
      this.#size++;
    }
    // Replaces a learned entry.
    if ((this.#words[at + 3] & (USED | STATIC)) === USED) this.#learnedSize--;
    this.#write(at, kind, target, STATIC, 0);
    return true;
  }

  /**
   * Learns a source MAC (Linux's vxlan_snoop).
   * @param now seconds of the caller's clock
   * @throws OverlayError `BAD_TABLE` for a target out of range
   */
  learn(vni: number, mac: Uint8Array, offset: number, kind: TargetKind, target: number, now: number): LearnOutcome {
    checkTarget(target);
    this.#setKey(vni, mac, offset);
    const words = this.#words;
    let at = this.#slotOf();
    const last = words[at + 3];
    if (last === 0) {
      if (!this.#makeRoom(false)) {
        this.refused++;
        return LearnOutcome.Full;
      }
      at = this.#slotOf();
      this.#size++;
      this.learned++;
      this.#learnedSize++;
      this.#write(at, kind, target, 0, now);
      return LearnOutcome.Added;
    }
    const same = (words[at + 2] & TARGET_MASK) === target && ((last & LOCAL) !== 0) === (kind === TargetKind.Local);
    if ((last & STATIC) !== 0) {
      if (same) return LearnOutcome.Refreshed;
      this.conflicts++;
      return LearnOutcome.Conflict;
    }
    this.#write(at, kind, target, 0, now);
    if (same) return LearnOutcome.Refreshed;
    this.moves++;
    return LearnOutcome.Moved;
  }

  /** Whether a static entry exists for a MAC. Doesn't count as a look-up. */
  isStatic(vni: number, mac: Uint8Array, offset: number): boolean {
    this.#setKey(vni, mac, offset);
    return (this.#words[this.#slotOf() + 3] & STATIC) !== 0;
  }

  /** Removes an entry. Returns whether it existed. */
  delete(vni: number, mac: Uint8Array, offset: number): boolean {
    this.#setKey(vni, mac, offset);
    const at = this.#slotOf();
    if (this.#words[at + 3] === 0) return false;
    this.#remove(at / SLOT_WORDS);
    return true;
  }

  /** Removes every entry of a network (`bridge fdb flush`). Returns their number. */
  flush(vni: number): number {
    return this.#removeWhere((words, at) => vniAt(words, at) === vni);
  }

  /** Removes the learned entries of a network. Returns their number. Free if nothing was learned. */
  forgetLearned(vni: number): number {
    return this.#forget(0, 0xffff, vni & 0xffff, ~TARGET_MASK, (vni >>> 16) << TARGET_BITS);
  }

  /**
   * Removes the learned entries of a VTEP that was removed, since its index may be reused. Returns their number. Free
   * if nothing was learned.
   */
  forgetVtep(target: number): number {
    return this.#forget(LOCAL, 0, 0, TARGET_MASK, target);
  }

  /** Removes expired learned entries. Returns their number. */
  sweep(now: number): number {
    const count = this.#removeWhere((words, at) => this.#isOld(words[at + 3], now));
    this.aged += count;
    return count;
  }

  /**
   * Resumes sweeping where the last call stopped, so that the work per packet is bounded, regardless of the table's
   * size and the number of expired entries.
   * @param steps maximum number of slots examined plus entries removed; no-op until something was learned
   */
  sweepSome(now: number, steps: number): void {
    if (this.learned === 0) return;
    const words = this.#words;
    for (let left = Math.min(steps, this.#mask + 1); left > 0; left--) {
      const last = words[this.#swept * SLOT_WORDS + 3];
      if (last !== 0 && this.#isOld(last, now)) {
        // Another entry may have moved into the slot, so the next step examines it again.
        this.#remove(this.#swept);
        this.aged++;
      } else {
        this.#swept = (this.#swept + 1) & this.#mask;
      }
    }
  }

  /** All entries, unordered. The table must not change meanwhile. */
  *[Symbol.iterator](): Generator<ForwardingEntry> {
    const words = this.#words;
    for (let at = 0; at < words.length; at += SLOT_WORDS) {
      const last = words[at + 3];
      if (last === 0) continue;
      const mac = new Uint8Array(6);
      new DataView(mac.buffer).setInt32(0, words[at]);
      mac[4] = words[at + 1] >>> 24;
      mac[5] = words[at + 1] >>> 16;
      yield {
        vni: vniAt(words, at),
        mac,
        kind: (last & LOCAL) === 0 ? TargetKind.Vtep : TargetKind.Local,
        target: words[at + 2] & TARGET_MASK,
        static: (last & STATIC) !== 0,
        seen: (last & STATIC) !== 0 ? 0 : this.#epoch + (last >>> FLAG_BITS),
      };
    }
  }

  #isOld(last: number, now: number): boolean {
    return (last & STATIC) === 0 && now - this.#epoch - (last >>> FLAG_BITS) > this.#ageing;
  }

  #setKey(vni: number, mac: Uint8Array, offset: number): void {
    this.#key0 = getWord(mac, offset);
    this.#key1 = (mac[offset + 4] << 24) | (mac[offset + 5] << 16) | (vni & 0xffff);
    this.#key2 = (vni >>> 16) << TARGET_BITS;
  }

  #hash(key0: number, key1: number, key2: number): number {
    return hashMac(this.#hashKey, key0, key1 >>> 16, (key1 & 0xffff) | (key2 >>> 8));
  }

  /** Offset of the first word of the slot that holds the key, or of the empty slot where it belongs. */
  #slotOf(): number {
    return this.#probe(this.#key0, this.#key1, this.#key2);
  }

  #probe(key0: number, key1: number, key2: number): number {
    const words = this.#words;
    const mask = this.#mask;
    let slot = this.#hash(key0, key1, key2) >>> Math.clz32(mask);
    for (;;) {
      const at = slot * SLOT_WORDS;
      if (words[at + 3] === 0) return at;
      if (words[at] === key0 && words[at + 1] === key1 && (words[at + 2] & ~TARGET_MASK) === key2) return at;
      slot = (slot + 1) & mask;
    }
  }

  #write(at: number, kind: TargetKind, target: number, flags: number, now: number): void {
    const words = this.#words;
    words[at] = this.#key0;
    words[at + 1] = this.#key1;
    words[at + 2] = this.#key2 | target;
    words[at + 3] =
      (((flags & STATIC) === 0 ? this.#sinceEpoch(now) : 0) << FLAG_BITS) |
      USED |
      flags |
      (kind === TargetKind.Local ? LOCAL : 0);
  }

  #sinceEpoch(now: number): number {
    if (Number.isNaN(this.#epoch)) this.#epoch = Math.floor(now);
    return Math.max(0, Math.min(MAX_SECONDS, Math.floor(now) - this.#epoch));
  }

  /** Ensures that one more entry fits. */
  #makeRoom(forStatic: boolean): boolean {
    if (this.#size >= this.#limit && !((forStatic || this.#whenFull === FullPolicy.Evict) && this.#evict(forStatic)))
      return false;
    if ((this.#size + 1) * 8 > (this.#mask + 1) * MAX_LOAD) this.#grow();
    return true;
  }

  /** Evicts the least recently seen of a few learned entries. */
  #evict(thorough: boolean): boolean {
    const words = this.#words;
    const mask = this.#mask;
    const slots = thorough ? mask + 1 : Math.min(EVICTION_SLOTS, mask + 1);
    let oldest = -1;
    let seen = 0;
    let sampled = 0;
    for (let step = 0; step < slots && sampled < EVICTION_SAMPLE; step++) {
      this.#cursor = (this.#cursor + 1) & mask;
      const last = words[this.#cursor * SLOT_WORDS + 3];
      if (last === 0 || (last & STATIC) !== 0) continue;
      sampled++;
      if (oldest < 0 || last >>> FLAG_BITS < seen) {
        oldest = this.#cursor;
        seen = last >>> FLAG_BITS;
      }
    }
    if (oldest < 0) return false;
    this.#remove(oldest);
    this.evicted++;
    return true;
  }

  #grow(): void {
    const old = this.#words;
    const slots = (this.#mask + 1) * 2;
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
    this.#words = words;
    this.#mask = mask;
  }

  #remove(slot: number): void {
    const words = this.#words;
    const mask = this.#mask;
    const shift = Math.clz32(mask);
    let hole = slot;
    if ((words[hole * SLOT_WORDS + 3] & STATIC) === 0) this.#learnedSize--;
    words[hole * SLOT_WORDS + 3] = 0;
    this.#size--;
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
   */
  #forget(flag: number, mask1: number, value1: number, mask2: number, value2: number): number {
    if (this.#learnedSize === 0) return 0;
    const words = this.#words;
    const before = this.#size;
    const slots = this.#mask + 1;
    // Entries that move into this slot are examined again; those that wrap around the end have been examined.
    for (let slot = 0; slot < slots; slot++) {
      const at = slot * SLOT_WORDS;
      while (
        (words[at + 3] & (USED | STATIC | flag)) === USED &&
        (words[at + 1] & mask1) === value1 &&
        (words[at + 2] & mask2) === value2
      ) {
        this.#remove(slot);
      }
    }
    return before - this.#size;
  }

  #removeWhere(matches: (words: Int32Array, at: number) => boolean): number {
    const words = this.#words;
    const slots = this.#mask + 1;
    const before = this.#size;
    // Start after an empty slot, so as not to start in the middle of a run; moved entries are examined again.
    let first = 0;
    while (words[first * SLOT_WORDS + 3] !== 0) first++;
    for (let step = 1; step < slots; step++) {
      const slot = (first + step) & this.#mask;
      while (words[slot * SLOT_WORDS + 3] !== 0 && matches(words, slot * SLOT_WORDS)) this.#remove(slot);
    }
    return before - this.#size;
  }
}

function vniAt(words: Int32Array, at: number): number {
  return (words[at + 1] & 0xffff) | ((words[at + 2] >>> TARGET_BITS) << 16);
}

function checkTarget(target: number): void {
  if (!(target >= 0 && target <= MAX_TARGET)) {
    throw new OverlayError('BAD_TABLE', `a target is an id from 0 to ${MAX_TARGET}, not ${target}`);
  }
}
