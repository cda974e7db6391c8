/**
 * The connections of a load balancer: bounded, in flat typed arrays that are allocated once. A connection is a row of 64
 * bytes, one cache line, found by the packets of both directions: the client's (client to VIP) and the backend's (backend
 * to the balancer). One hash table has both keys, so a packet costs one lookup whichever way it goes.
 */
import { addShort, addWord, beginHash, finishHash } from '../../memory/internal.js';
import { drawHashKey, type HashKey, hashKeyOf } from '../../memory/index.js';
import { BalanceError } from './error.js';

/** 32-bit words of a row. */
export const ROW_WORDS = 16;
/** Columns of the row. The first three are what a client's packet has, the next three what a backend's has. */
export const Column = {
  Client: 0,
  Vip: 1,
  /** The client's port and the VIP's. */
  FrontPorts: 2,
  Backend: 3,
  /** Where the backend answers to: the balancer's own address, or the client's without source NAT. */
  Local: 4,
  /** The backend's port, and the one that replaces the client's. */
  BackPorts: 5,
  /** Protocol, state and flags, 8 bits each from the top. */
  Meta: 6,
  /** When the connection has been idle too long, in milliseconds of the caller's clock modulo 2^32. */
  Deadline: 7,
  BackendId: 8,
  /** What translation adds to a checksum on the way to the backend: addresses above, ports below. */
  Deltas: 9,
  /** The client's MAC: its first 4 bytes, then its last 2 above the slot of the timer wheel. */
  MacHigh: 10,
  MacLow: 11,
  TimerPrevious: 12,
  TimerNext: 13,
  OlderHalfOpen: 14,
  NewerHalfOpen: 15,
} as const;

/** Flags of a connection. */
export const ConnectionFlag = {
  /** No answer from the backend yet: the first to go if the table is full. */
  HalfOpen: 0x01,
  /** The backend answers the client directly. */
  Direct: 0x02,
  /** The packets keep the client's address, so the backend's answers don't come back here. */
  Unmasqueraded: 0x04,
} as const;

/** Bits of the direction of a found entry: from the client, or from the backend. */
export const FROM_CLIENT = 0;
export const FROM_BACKEND = 1;

const NONE = -1;
/** Slots of the timer wheel, of a second each: more than the longest timeout. */
const WHEEL = 1024;
/** Longest timeout, in milliseconds. */
const MAX_TIMEOUT = 900_000;
/** Work per packet: connections that are looked at, and slots that are passed. */
const TIMER_ROWS = 4;
const TIMER_SLOTS = 16;
const SECOND = 1000;
const KEY_WORDS = 4;
/**
 * Words before the first row. Large arrays begin 16 bytes after a page on glibc; 48 more, and rows are cache lines.
 */
const ALIGNMENT = 12;

/** A table with fewer connections stays in the processor's cache by itself. */
export const CACHED_CONNECTIONS = 4096;
/** Maximum number of packets that `prefetch` takes: a batch's. */
export const MAX_PREFETCH = 256;

/** Bounded table of connections. */
export class ConnectionTable {
  /** The rows: read and written by whoever has found one. */
  readonly rows: Int32Array;
  /** Maximum number of connections. */
  readonly limit: number;
  /** Connections in the table. */
  size = 0;
  /** Connections that expired, and half-open ones that were evicted from a full table. */
  expired = 0;
  evicted = 0;
  /** Half-open connections. */
  halfOpen = 0;

  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Bits of an entry in a slot; the others hold part of the hash, which spares most comparisons a cache miss. */
  readonly #entryMask: number;
  readonly #key: HashKey;
  readonly #wheel = new Int32Array(WHEEL).fill(NONE);
  readonly #hashes = new Int32Array(MAX_PREFETCH);
  /** The second up to which the wheel has been worked off. */
  #cursor = NONE;
  #fresh = 0;
  #free = NONE;
  #oldest = NONE;
  #newest = NONE;
  readonly #removed: (row: number) => void;

  /**
   * @param limit maximum number of connections, from 1 to 2^24
   * @param removed is called with the row of each connection that leaves the table, before it is reused
   * @param seed seed of the hash, for tests. Default: a secret random key
   * @throws BalanceError `BAD_BALANCER`
   */
  constructor(limit: number, removed: (row: number) => void, seed?: number) {
    if (!Number.isInteger(limit) || limit < 1 || limit > 1 << 24) {
      throw new BalanceError('BAD_BALANCER', `a table holds from 1 to ${1 << 24} connections, not ${limit}`);
    }
    this.limit = limit;
    this.#removed = removed;
    this.rows = new Int32Array(limit * ROW_WORDS + ALIGNMENT).subarray(ALIGNMENT);
    // Two keys per connection, at most half full.
    let slots = 8;
    while (slots < 4 * limit) slots *= 2;
    this.#slots = new Int32Array(slots);
    this.#mask = slots - 1;
    this.#entryMask = slots - 1;
    this.#key = seed === undefined ? drawHashKey(KEY_WORDS) : hashKeyOf(seed, KEY_WORDS);
  }

  /** Memory of the table in bytes. */
  get bytes(): number {
    return this.rows.byteLength + this.#slots.byteLength + this.#wheel.byteLength;
  }

  /**
   * Finds the connection of a packet.
   * @param source its source address
   * @param destination its destination address
   * @param ports its source port above its destination port
   * @returns the row times 2, plus the packet's direction; -1 if there is none
   */
  find(source: number, destination: number, ports: number, protocol: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    const entryMask = this.#entryMask;
    const hash = this.#hash(source, destination, ports, protocol);
    const tag = hash & ~entryMask;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const value = slots[slot];
      if (value === 0) return NONE;
      if ((value & ~entryMask) !== tag) continue;
      const entry = (value & entryMask) - 1;
      if (this.holds(entry, source, destination, ports, protocol)) return entry;
    }
  }

  /**
   * Brings the connections of packets into the cache and remembers where they are. The cache misses of many lookups overlap
   * here, which they can't do one packet at a time, so this pays off as soon as the table is larger than the cache.
   * @param view over the packets
   * @param starts offsets of their IP headers
   * @param count number of packets, at most `MAX_PREFETCH`
   * @param entries receives an entry for each: the packet's connection, if it has one (`holds` says whether it is)
   */
  prefetch(view: DataView, starts: Int32Array, count: number, entries: Int32Array): void {
    const slots = this.#slots;
    const mask = this.#mask;
    const entryMask = this.#entryMask;
    const hashes = this.#hashes;
    const { rows } = this;
    // The processor looks only so many instructions ahead for reads to overlap: so those that miss get loops of their own.
    for (let i = 0; i < count; i++) {
      const at = starts[i];
      const source = view.getInt32(at + 12);
      hashes[i] = this.#hash(source, view.getInt32(at + 16), view.getInt32(at + 20), view.getUint8(at + 9));
    }
    let sum = 0;
    for (let i = 0; i < count; i++) sum ^= slots[hashes[i] & mask];
    for (let i = 0; i < count; i++) {
      const hash = hashes[i];
      const tag = hash & ~entryMask;
      let slot = hash & mask;
      let value = slots[slot];
      while (value !== 0 && (value & ~entryMask) !== tag) {
        slot = (slot + 1) & mask;
        value = slots[slot];
      }
      entries[i] = (value & entryMask) - 1;
      hashes[i] = value === 0 ? 0 : (entries[i] >>> 1) * ROW_WORDS;
    }
    for (let i = 0; i < count; i++) sum ^= rows[hashes[i]];
    // So that the reads aren't optimised away.
    hashes[0] = sum;
  }

  /** Whether an entry is that of a packet's connection, as `find` would return it. */
  holds(entry: number, source: number, destination: number, ports: number, protocol: number): boolean {
    const { rows } = this;
    const row = (entry >>> 1) * ROW_WORDS;
    const at = row + (entry & 1) * 3;
    return (
      rows[at] === source &&
      rows[at + 1] === destination &&
      rows[at + 2] === ports &&
      rows[row + Column.Meta] >>> 24 === protocol
    );
  }

  /** Whether a connection's deadline has passed. */
  isExpired(row: number, now: number): boolean {
    return ((this.rows[row * ROW_WORDS + Column.Deadline] - now) | 0) <= 0;
  }

  /** Removes a connection whose deadline has passed. */
  removeIfExpired(row: number, now: number): boolean {
    if (!this.isExpired(row, now)) return false;
    this.expired++;
    this.remove(row);
    return true;
  }

  /**
   * Takes a row for a new connection, evicting the oldest half-open one if the table is full.
   * @returns the row, whose first seven columns the caller fills before `link`; -1 if all connections are established
   */
  take(): number {
    if (this.#free === NONE && this.#fresh === this.limit) {
      if (this.#oldest === NONE) return NONE;
      this.evicted++;
      this.remove(this.#oldest);
    }
    let row = this.#free;
    if (row === NONE) row = this.#fresh++;
    else this.#free = this.rows[row * ROW_WORDS + Column.TimerNext];
    this.size++;
    return row;
  }

  /** Returns a row that was taken and not linked. */
  giveBack(row: number): void {
    const at = row * ROW_WORDS;
    // No protocol: no packet's connection, whatever else is in the row.
    this.rows[at + Column.Meta] = 0;
    this.rows[at + Column.TimerNext] = this.#free;
    this.#free = row;
    this.size--;
  }

  /**
   * Makes a row findable and starts its timer.
   * @param timeout milliseconds
   */
  link(row: number, now: number, timeout: number): void {
    const at = row * ROW_WORDS;
    const { rows } = this;
    this.#insert(row * 2);
    if (this.#isAnsweredHere(at)) this.#insert(row * 2 + 1);
    rows[at + Column.Deadline] = (now + timeout) | 0;
    this.#startTimer(row, now, timeout);
    if ((rows[at + Column.Meta] & ConnectionFlag.HalfOpen) !== 0) this.#appendHalfOpen(row);
  }

  /** Makes a row findable by the backend's packets too, once it is masqueraded. */
  linkBackend(row: number): void {
    this.#insert(row * 2 + 1);
  }

  /**
   * Resets the idle timeout, for a timeout that may be shorter than the last. For the same or a longer one it is
   * enough to write the deadline.
   */
  restart(row: number, now: number, timeout: number): void {
    this.rows[row * ROW_WORDS + Column.Deadline] = (now + timeout) | 0;
    this.#stopTimer(row);
    this.#startTimer(row, now, timeout);
  }

  /** Marks a connection as answered by its backend: it is no longer evicted. */
  settle(row: number): void {
    const at = row * ROW_WORDS;
    const { rows } = this;
    const older = rows[at + Column.OlderHalfOpen];
    const newer = rows[at + Column.NewerHalfOpen];
    if (older === NONE) this.#oldest = newer;
    else rows[older * ROW_WORDS + Column.NewerHalfOpen] = newer;
    if (newer === NONE) this.#newest = older;
    else rows[newer * ROW_WORDS + Column.OlderHalfOpen] = older;
    rows[at + Column.Meta] &= ~ConnectionFlag.HalfOpen;
    this.halfOpen--;
  }

  /** Marks a settled connection as one that may be evicted, after those that may be already. */
  unsettle(row: number): void {
    this.rows[row * ROW_WORDS + Column.Meta] |= ConnectionFlag.HalfOpen;
    this.#appendHalfOpen(row);
  }

  /** Removes a connection. */
  remove(row: number): void {
    const at = row * ROW_WORDS;
    this.#removed(row);
    if ((this.rows[at + Column.Meta] & ConnectionFlag.HalfOpen) !== 0) this.settle(row);
    this.#delete(row * 2);
    if (this.#isAnsweredHere(at)) this.#delete(row * 2 + 1);
    this.#stopTimer(row);
    this.giveBack(row);
  }

  /**
   * Removes connections whose deadline has passed: a bounded number per call, so that a packet never waits for a whole
   * second's worth. A connection that isn't removed yet is expired all the same (`isExpired`).
   * @param now milliseconds modulo 2^32
   */
  expire(now: number): void {
    const second = Math.floor((now >>> 0) / SECOND);
    if (second === this.#cursor) return;
    this.#advance(now, second);
  }

  #advance(now: number, second: number): void {
    if (this.#cursor === NONE || second < this.#cursor) {
      // The first packet, or a clock that went back, perhaps past 2^32.
      this.#cursor = second;
      return;
    }
    if (second - this.#cursor > WHEEL) this.#cursor = second - WHEEL;
    let rows = TIMER_ROWS;
    for (let slots = TIMER_SLOTS; slots > 0 && this.#cursor < second; slots--) {
      const slot = this.#cursor & (WHEEL - 1);
      for (let row = this.#wheel[slot]; row !== NONE; row = this.#wheel[slot]) {
        if (rows-- === 0) return;
        this.#visit(row, slot, now);
      }
      this.#cursor++;
    }
  }

  /** Removes the connection, or moves it to the slot of its deadline. */
  #visit(row: number, slot: number, now: number): void {
    if (this.removeIfExpired(row, now)) return;
    this.#stopTimer(row);
    const wanted = this.#slotOf(this.rows[row * ROW_WORDS + Column.Deadline]);
    // Never back to where the cursor is: it would stay there.
    this.#putInWheel(row, wanted === slot ? (slot + 1) & (WHEEL - 1) : wanted);
  }

  #slotOf(deadline: number): number {
    return Math.floor((deadline >>> 0) / SECOND) & (WHEEL - 1);
  }

  #startTimer(row: number, now: number, timeout: number): void {
    this.#putInWheel(row, this.#slotOf((now + Math.min(timeout, MAX_TIMEOUT)) | 0));
  }

  #putInWheel(row: number, slot: number): void {
    const { rows } = this;
    const at = row * ROW_WORDS;
    const head = this.#wheel[slot];
    rows[at + Column.TimerPrevious] = NONE;
    rows[at + Column.TimerNext] = head;
    if (head !== NONE) rows[head * ROW_WORDS + Column.TimerPrevious] = row;
    this.#wheel[slot] = row;
    rows[at + Column.MacLow] = (rows[at + Column.MacLow] & ~0xffff) | slot;
  }

  #stopTimer(row: number): void {
    const { rows } = this;
    const at = row * ROW_WORDS;
    const previous = rows[at + Column.TimerPrevious];
    const next = rows[at + Column.TimerNext];
    if (previous === NONE) this.#wheel[rows[at + Column.MacLow] & 0xffff] = next;
    else rows[previous * ROW_WORDS + Column.TimerNext] = next;
    if (next !== NONE) rows[next * ROW_WORDS + Column.TimerPrevious] = previous;
  }

  #appendHalfOpen(row: number): void {
    const { rows } = this;
    const at = row * ROW_WORDS;
    rows[at + Column.OlderHalfOpen] = this.#newest;
    rows[at + Column.NewerHalfOpen] = NONE;
    if (this.#newest === NONE) this.#oldest = row;
    else rows[this.#newest * ROW_WORDS + Column.NewerHalfOpen] = row;
    this.#newest = row;
    this.halfOpen++;
  }

  #isAnsweredHere(at: number): boolean {
    return (this.rows[at + Column.Meta] & (ConnectionFlag.Direct | ConnectionFlag.Unmasqueraded)) === 0;
  }

  #hash(source: number, destination: number, ports: number, protocol: number): number {
    const key = this.#key;
    let sum = addWord(key, beginHash(key), 0, source);
    sum = addWord(key, sum, 1, destination);
    sum = addWord(key, sum, 2, ports);
    return finishHash(key, addShort(key, sum, 3, protocol));
  }

  #hashOf(entry: number): number {
    const { rows } = this;
    const row = (entry >>> 1) * ROW_WORDS;
    const at = row + (entry & 1) * 3;
    return this.#hash(rows[at], rows[at + 1], rows[at + 2], rows[row + Column.Meta] >>> 24);
  }

  #insert(entry: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    const hash = this.#hashOf(entry);
    let slot = hash & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = (hash & ~this.#entryMask) | (entry + 1);
  }

  #delete(entry: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    const entryMask = this.#entryMask;
    let hole = this.#hashOf(entry) & mask;
    while ((slots[hole] & entryMask) !== entry + 1) hole = (hole + 1) & mask;
    slots[hole] = 0;
    // Entries after the hole move up if their home is before it, so that no lookup stops at the hole.
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#hashOf((slots[slot] & entryMask) - 1) & mask;
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        slots[hole] = slots[slot];
        slots[slot] = 0;
        hole = slot;
      }
    }
  }
}
