/**
 * The connections of a load balancer: bounded, in flat typed arrays that are allocated once. A connection is a row of 64
 * bytes, one cache line, found by the packets of both directions: the client's (client to VIP) and the backend's (backend
 * to the balancer). One hash table has both keys, so a packet costs one lookup whichever way it goes.
 */
import { drawHashKey, type HashKey, hashKeyOf } from '../../../memory/index.js';
import { addShort, addWord, beginHash, finishHash } from '../../../memory/internal.js';
import { IpProtocol } from '../../../wire/index.js';
import { BalanceError } from '../error.js';
import { SctpState } from '../state/sctp-state.js';
import { TcpState } from '../state/tcp-state.js';
import { Column, ConnectionFlag, ROW_WORDS } from './connection-row.js';
import { RowList } from './row-list.js';
import { TimerWheel } from './timer-wheel.js';

const NONE = -1;
/** Work per packet: connections that are looked at, and slots that are passed. */
const TIMER_ROWS = 4;
const TIMER_SLOTS = 16;
const UNBOUNDED = 1 << 30;
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
  /** Connections that expired, and half-open or idle ones that were evicted from a full table. */
  expired = 0;
  evicted = 0;

  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Bits of an entry in a slot; the others hold part of the hash, which spares most comparisons a cache miss. */
  readonly #entryMask: number;
  readonly #key: HashKey;
  readonly #wheel: TimerWheel;
  readonly #halfOpen: RowList;
  readonly #idle: RowList;
  readonly #keepsIdle: boolean;
  readonly #hashes = new Int32Array(MAX_PREFETCH);
  #fresh = 0;
  #free = NONE;
  readonly #removed: (row: number) => void;

  /**
   * @param limit maximum number of connections, from 1 to 2^24
   * @param removed is called with the row of each connection that leaves the table, before it is reused
   * @param seed seed of the hash, for tests. Default: a secret random key
   * @param keepsIdle whether established connections outlast their timeout until the table is full
   * @throws BalanceError `BAD_BALANCER`
   */
  constructor(limit: number, removed: (row: number) => void, seed?: number, keepsIdle = false) {
    if (!Number.isInteger(limit) || limit < 1 || limit > 1 << 24) {
      throw new BalanceError('BAD_BALANCER', `a table holds from 1 to ${1 << 24} connections, not ${limit}`);
    }
    this.limit = limit;
    this.#removed = removed;
    this.#keepsIdle = keepsIdle;
    this.rows = new Int32Array(limit * ROW_WORDS + ALIGNMENT).subarray(ALIGNMENT);
    this.#halfOpen = new RowList(this.rows);
    this.#idle = new RowList(this.rows);
    this.#wheel = new TimerWheel(this.rows, (row, now) => this.#isDue(row, now));
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
    return this.rows.byteLength + this.#slots.byteLength + this.#wheel.bytes;
  }

  /** Half-open connections. */
  get halfOpen(): number {
    return this.#halfOpen.size;
  }

  /** Established connections whose timeout has passed. */
  get idle(): number {
    return this.#idle.size;
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

  /** Whether a connection's deadline has passed, and it doesn't outlast it. */
  isExpired(row: number, now: number): boolean {
    const at = row * ROW_WORDS;
    if (((this.rows[at + Column.Deadline] - now) | 0) > 0) return false;
    return !this.#keepsIdle || !isEstablished(this.rows[at + Column.Meta]);
  }

  /** Removes a connection whose deadline has passed. */
  removeIfExpired(row: number, now: number): boolean {
    if (!this.isExpired(row, now)) return false;
    this.expired++;
    this.remove(row);
    return true;
  }

  /**
   * Takes a row for a new connection. If the table is full, the oldest half-open connection is evicted; without one, that
   * which has been idle longest.
   * @returns the row, whose first seven columns the caller fills before `link`; -1 if all connections are in use
   */
  take(): number {
    if (this.#free === NONE && this.#fresh === this.limit) {
      const victim = this.#halfOpen.size > 0 ? this.#halfOpen.oldest : this.#idle.oldest;
      if (victim === NONE) return NONE;
      this.evicted++;
      this.remove(victim);
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
    this.#wheel.start(row, now, timeout);
    if ((rows[at + Column.Meta] & ConnectionFlag.HalfOpen) !== 0) this.#halfOpen.append(row);
  }

  /** Makes a row findable by the backend's packets too, once it is masqueraded. */
  linkBackend(row: number): void {
    this.#insert(row * 2 + 1);
  }

  /**
   * Resets the idle timeout, for a timeout that may be shorter than the last. For the same or a longer one it is
   * enough to write the deadline, unless the connection is `Idle`.
   */
  restart(row: number, now: number, timeout: number): void {
    this.rows[row * ROW_WORDS + Column.Deadline] = (now + timeout) | 0;
    this.#stopTimer(row);
    this.#wheel.start(row, now, timeout);
  }

  /** Marks a connection as answered by its backend: it is no longer evicted. */
  settle(row: number): void {
    this.#halfOpen.remove(row);
    this.rows[row * ROW_WORDS + Column.Meta] &= ~ConnectionFlag.HalfOpen;
  }

  /** Marks a settled connection as one that may be evicted, after those that may be already. */
  unsettle(row: number): void {
    this.rows[row * ROW_WORDS + Column.Meta] |= ConnectionFlag.HalfOpen;
    this.#halfOpen.append(row);
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
    this.#wheel.advance(now, TIMER_ROWS, TIMER_SLOTS);
  }

  /**
   * Removes all connections whose deadline has passed.
   * @returns their number
   */
  expireAll(now: number): number {
    const before = this.expired;
    this.#wheel.advance(now, UNBOUNDED, UNBOUNDED);
    return this.expired - before;
  }

  /** Calls back for each connection until it returns false. */
  forEach(visit: (row: number) => boolean): void {
    for (let row = 0; row < this.#fresh; row++) {
      if (this.rows[row * ROW_WORDS + Column.Meta] >>> 24 !== 0 && !visit(row)) return;
    }
  }

  /** Whether a connection leaves the timer wheel: because it expired, or is idle from now on. */
  #isDue(row: number, now: number): boolean {
    if (this.removeIfExpired(row, now)) return true;
    const at = row * ROW_WORDS;
    if (((this.rows[at + Column.Deadline] - now) | 0) > 0) return false;
    this.#wheel.stop(row);
    this.rows[at + Column.Meta] |= ConnectionFlag.Idle;
    this.#idle.append(row);
    return true;
  }

  /** Takes a connection out of the timer wheel, or of the idle ones. */
  #stopTimer(row: number): void {
    const at = row * ROW_WORDS;
    if ((this.rows[at + Column.Meta] & ConnectionFlag.Idle) === 0) {
      this.#wheel.stop(row);
      return;
    }
    this.rows[at + Column.Meta] &= ~ConnectionFlag.Idle;
    this.#idle.remove(row);
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

/** Whether a connection is established in both directions. */
function isEstablished(meta: number): boolean {
  if ((meta & ConnectionFlag.HalfOpen) !== 0) return false;
  const state = (meta >>> 16) & 0xff;
  const protocol = meta >>> 24;
  if (protocol === IpProtocol.Tcp) return state === TcpState.Established;
  return protocol === IpProtocol.Sctp && state === SctpState.Established;
}
