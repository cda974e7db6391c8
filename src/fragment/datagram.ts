/** One datagram that is being put together: which parts of it have come, and their bytes. */
import { PAGE_BYTES, PAGES_PER_DATAGRAM, type PagePool } from './page-pool.js';

/** Room for the headers in front of a payload: an IPv4 header with options, or IPv6 with a few extension headers. */
export const HEADER_ROOM = 512;

/** How a part lies to the parts that are there already. */
export const Placement = { New: 0, Duplicate: 1, Overlap: 2 } as const;
export type Placement = (typeof Placement)[keyof typeof Placement];

const NO_PAGE = -1;

/** Parts of a payload by their place. Reused for one datagram after another. */
export class Datagram {
  /** Packet time of the first part that came, in seconds. */
  firstSeconds = 0;
  /** Bytes of the whole payload, or -1 until the last part has come. */
  total = -1;
  /** Bytes of the payload that are there. */
  received = 0;
  /** Parts that are there. */
  parts = 0;
  /** What they count as (`Reassembler.push`). */
  weight = 0;
  /** Whether the datagram was given up, and its parts are to be dropped until it times out. */
  refused = 0;
  /** The ECN fields that parts came with, a bit for each of the four. */
  ecn = 0;
  /** Bytes of `header` that hold the first part's headers; 0 until it has come. */
  headerLength = 0;
  /** Headers of the part at offset 0. */
  readonly header = new Uint8Array(HEADER_ROOM);
  /** Neighbours in order of arrival, by number; -1 at the ends. */
  older = -1;
  newer = -1;

  readonly #pages = new Int32Array(PAGES_PER_DATAGRAM).fill(NO_PAGE);
  /** Begin and end of each part, sorted. */
  #ranges = new Int32Array(16);

  /** Makes ready for another datagram; its pages must have been released. */
  reset(seconds: number): void {
    this.firstSeconds = seconds;
    this.total = -1;
    this.received = 0;
    this.parts = 0;
    this.weight = 0;
    this.refused = 0;
    this.headerLength = 0;
    this.ecn = 0;
  }

  /** Where the last byte that is there ends. */
  get highest(): number {
    return this.parts === 0 ? 0 : this.#ranges[this.parts * 2 - 1];
  }

  /** Whether all of the payload is there. Parts don't overlap, so their bytes may simply be counted. */
  get isComplete(): boolean {
    return this.total >= 0 && this.received === this.total && this.headerLength > 0;
  }

  /**
   * How a part would lie. A part that is there already with the same bounds is a duplicate if its bytes are the same
   * too (RFC 8200 section 4.5 lets those be passed over), and an overlap otherwise.
   * @param begin place of the part's first byte in the payload
   * @param end place behind its last byte
   * @param bytes where the part's bytes stand, from `offset`
   */
  place(begin: number, end: number, pool: PagePool, bytes: Uint8Array, offset: number): Placement {
    const index = this.#indexOf(begin);
    const ranges = this.#ranges;
    if (index < this.parts && ranges[index * 2] === begin && ranges[index * 2 + 1] === end) {
      return this.#holds(begin, end, pool, bytes, offset) ? Placement.Duplicate : Placement.Overlap;
    }
    if (index > 0 && ranges[index * 2 - 1] > begin) return Placement.Overlap;
    if (index < this.parts && ranges[index * 2] < end) return Placement.Overlap;
    return Placement.New;
  }

  /** Pages that a part needs and that aren't taken yet. */
  pagesMissing(begin: number, end: number): number {
    let missing = 0;
    for (let page = Math.floor(begin / PAGE_BYTES); page * PAGE_BYTES < end; page++) {
      if (this.#pages[page] === NO_PAGE) missing++;
    }
    return missing;
  }

  /** Copies a part in; it must be `New`, and the pool must have the pages that it needs. */
  insert(begin: number, end: number, pool: PagePool, bytes: Uint8Array, offset: number): void {
    for (let at = begin; at < end;) {
      const page = Math.floor(at / PAGE_BYTES);
      if (this.#pages[page] === NO_PAGE) this.#pages[page] = pool.take();
      const stop = Math.min(end, (page + 1) * PAGE_BYTES);
      const from = offset + at - begin;
      pool.bytesOf(this.#pages[page]).set(bytes.subarray(from, from + stop - at), at - page * PAGE_BYTES);
      at = stop;
    }
    const index = this.#indexOf(begin);
    if (this.parts * 2 === this.#ranges.length) {
      const larger = new Int32Array(this.#ranges.length * 2);
      larger.set(this.#ranges);
      this.#ranges = larger;
    }
    this.#ranges.copyWithin(index * 2 + 2, index * 2, this.parts * 2);
    this.#ranges[index * 2] = begin;
    this.#ranges[index * 2 + 1] = end;
    this.parts++;
    this.received += end - begin;
  }

  /** Copies the whole payload out. */
  copyPayload(pool: PagePool, into: Uint8Array, offset: number): void {
    for (let at = 0; at < this.total; at += PAGE_BYTES) {
      const page = pool.bytesOf(this.#pages[at / PAGE_BYTES]);
      const left = this.total - at;
      into.set(left < PAGE_BYTES ? page.subarray(0, left) : page, offset + at);
    }
  }

  /** Gives the pages back. */
  release(pool: PagePool): void {
    for (let page = 0; page < PAGES_PER_DATAGRAM; page++) {
      if (this.#pages[page] !== NO_PAGE) pool.release(this.#pages[page]);
      this.#pages[page] = NO_PAGE;
    }
    // A datagram of very many parts must not keep their list for ever.
    if (this.#ranges.length > 256) this.#ranges = new Int32Array(16);
  }

  /** The first part that doesn't begin before a place. */
  #indexOf(begin: number): number {
    let low = 0;
    let high = this.parts;
    // Parts mostly come in order.
    if (high > 0 && this.#ranges[high * 2 - 2] < begin) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ranges[middle * 2] < begin) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #holds(begin: number, end: number, pool: PagePool, bytes: Uint8Array, offset: number): boolean {
    for (let at = begin; at < end; at++) {
      const page = Math.floor(at / PAGE_BYTES);
      if (pool.bytesOf(this.#pages[page])[at - page * PAGE_BYTES] !== bytes[offset + at - begin]) return false;
    }
    return true;
  }
}
