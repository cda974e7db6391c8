/**
 * The forwarding table (FDB): maps a VNI and a MAC to a VTEP or a local endpoint. Entries that Linux's `bridge fdb`
 * calls permanent are static here; learned entries age.
 */
import { drawHashKey, hashKeyOf } from '../../memory/index.js';
import { getWord } from '../../memory/internal.js';
import { OverlayError } from '../error.js';
import { type ForwardingEntry, TargetKind } from './forwarding-entry.js';
import {
  FLAG_BITS,
  ForwardingSlots,
  KEY_WORDS,
  LOCAL,
  SLOT_WORDS,
  STATIC,
  TARGET_BITS,
  TARGET_MASK,
  USED,
} from './forwarding-slots.js';

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

/** The largest target id. */
export const MAX_TARGET = TARGET_MASK;
const MAX_SECONDS = 2 ** (32 - FLAG_BITS) - 1;
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
  readonly #slots: ForwardingSlots;
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
    this.#slots = new ForwardingSlots(seed === undefined ? drawHashKey(KEY_WORDS) : hashKeyOf(seed, KEY_WORDS));
  }

  /** Number of entries, including expired ones that weren't swept yet. */
  get size(): number {
    return this.#slots.size;
  }

  /** Maximum number of entries. */
  get limit(): number {
    return this.#limit;
  }

  /** Size of the slots in bytes. */
  get byteLength(): number {
    return this.#slots.words.byteLength;
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
   * @param high its first 4 bytes as a 32-bit word, signed or not: 0x02420a00 for 02:42:0a:00:09:03
   * @param low its last 2 bytes, in the upper half of a word: 0x09030000
   */
  findWords(vni: number, high: number, low: number, now: number): boolean {
    this.lookups++;
    const slots = this.#slots;
    const at = slots.probe(high | 0, low | (vni & 0xffff), (vni >>> 16) << TARGET_BITS);
    const { words } = slots;
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
    if (this.#slots.words[at + 3] === 0) {
      if (!this.#makeRoom(true)) return false;
      at = this.#slotOf();
      this.#slots.size++;
    }
    // Replaces a learned entry.
    if ((this.#slots.words[at + 3] & (USED | STATIC)) === USED) this.#slots.learned--;
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
    const { words } = this.#slots;
    let at = this.#slotOf();
    const last = words[at + 3];
    if (last === 0) {
      if (!this.#makeRoom(false)) {
        this.refused++;
        return LearnOutcome.Full;
      }
      at = this.#slotOf();
      this.#slots.size++;
      this.learned++;
      this.#slots.learned++;
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
    return (this.#slots.words[this.#slotOf() + 3] & STATIC) !== 0;
  }

  /** Removes an entry. Returns whether it existed. */
  delete(vni: number, mac: Uint8Array, offset: number): boolean {
    this.#setKey(vni, mac, offset);
    const at = this.#slotOf();
    if (this.#slots.words[at + 3] === 0) return false;
    this.#slots.remove(at / SLOT_WORDS);
    return true;
  }

  /** Removes every entry of a network (`bridge fdb flush`). Returns their number. */
  flush(vni: number): number {
    return this.#slots.removeWhere((words, at) => vniAt(words, at) === vni);
  }

  /** Removes the learned entries of a network. Returns their number. Free if nothing was learned. */
  forgetLearned(vni: number): number {
    return this.#slots.removeLearned(0, 0xffff, vni & 0xffff, ~TARGET_MASK, (vni >>> 16) << TARGET_BITS);
  }

  /**
   * Removes the learned entries of a VTEP that was removed, since its index may be reused. Returns their number. Free
   * if nothing was learned.
   */
  forgetVtep(target: number): number {
    return this.#slots.removeLearned(LOCAL, 0, 0, TARGET_MASK, target);
  }

  /** Removes expired learned entries. Returns their number. */
  sweep(now: number): number {
    const count = this.#slots.removeWhere((words, at) => this.#isOld(words[at + 3], now));
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
    const { words } = this.#slots;
    for (let left = Math.min(steps, this.#slots.mask + 1); left > 0; left--) {
      const last = words[this.#swept * SLOT_WORDS + 3];
      if (last !== 0 && this.#isOld(last, now)) {
        // Another entry may have moved into the slot, so the next step examines it again.
        this.#slots.remove(this.#swept);
        this.aged++;
      } else {
        this.#swept = (this.#swept + 1) & this.#slots.mask;
      }
    }
  }

  /** All entries, unordered. The table must not change meanwhile. */
  *[Symbol.iterator](): Generator<ForwardingEntry> {
    const { words } = this.#slots;
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

  /** Offset of the first word of the slot that holds the key, or of the empty slot where it belongs. */
  #slotOf(): number {
    return this.#slots.probe(this.#key0, this.#key1, this.#key2);
  }

  #write(at: number, kind: TargetKind, target: number, flags: number, now: number): void {
    const { words } = this.#slots;
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
    if (
      this.#slots.size >= this.#limit &&
      !((forStatic || this.#whenFull === FullPolicy.Evict) && this.#evict(forStatic))
    )
      return false;
    this.#slots.reserve();
    return true;
  }

  /** Evicts the least recently seen of a few learned entries. */
  #evict(thorough: boolean): boolean {
    const { words, mask } = this.#slots;
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
    this.#slots.remove(oldest);
    this.evicted++;
    return true;
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
