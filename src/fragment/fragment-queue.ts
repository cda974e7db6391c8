/** A datagram in reassembly: which fragments of it have arrived, and their bytes. */
import { PAGE_BYTES, PAGES_PER_DATAGRAM, type PagePool } from './page-pool.js';

/** Room for the headers before a payload: an IPv4 header with options, or IPv6 with a few extension headers. */
export const HEADER_ROOM = 512;

/** How a fragment relates to the ones already received. */
export const Placement = { New: 0, Duplicate: 1, Overlap: 2 } as const;
export type Placement = (typeof Placement)[keyof typeof Placement];

const NO_PAGE = -1;

/** Fragments of a payload by their offset. Reused for one datagram after another. */
export class FragmentQueue {
  /** Packet time of the fragment that arrived first, in seconds. */
  firstSeconds = 0;
  /** Size of the whole payload in bytes, or -1 until the last fragment has arrived. */
  total = -1;
  /** Payload bytes received. */
  received = 0;
  /** Number of fragments received. */
  parts = 0;
  /** Sum of the fragments' weights (`Reassembler.push`). */
  weight = 0;
  /** Why the datagram failed (`ReassemblyDrop`): further fragments are dropped until it times out. 0 if it hasn't. */
  refused = 0;
  /** ECN codepoints seen, one bit for each of the four. */
  ecn = 0;
  /** Bytes of `header` in use; 0 until the first fragment has arrived. */
  headerLength = 0;
  /** Headers of the fragment at offset 0. */
  readonly header = new Uint8Array(HEADER_ROOM);
  /** Ids of the previous and next datagrams in order of arrival; -1 at the ends. */
  older = -1;
  newer = -1;

  readonly #pages = new Int32Array(PAGES_PER_DATAGRAM).fill(NO_PAGE);
  /** Start and end of each fragment, sorted. */
  #ranges = new Int32Array(16);

  /** Prepares for another datagram; the pages must have been released. */
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

  /** End of the last byte received. */
  get highest(): number {
    return this.parts === 0 ? 0 : this.#ranges[this.parts * 2 - 1];
  }

  /** Whether the whole payload has arrived. Fragments don't overlap, so counting their bytes suffices. */
  get isComplete(): boolean {
    return this.total >= 0 && this.received === this.total && this.headerLength > 0;
  }

  /**
   * Classifies a fragment against those received. One with the same bounds is a duplicate if its bytes are equal too
   * (RFC 8200 section 4.5 allows ignoring those), and an overlap otherwise.
   * @param begin offset of its first byte in the payload
   * @param end offset after its last byte
   * @param bytes holds the fragment's bytes from `offset` on
   */
  classify(begin: number, end: number, pool: PagePool, bytes: Uint8Array, offset: number): Placement {
    const index = this.#indexOf(begin);
    const ranges = this.#ranges;
    if (index < this.parts && ranges[index * 2] === begin && ranges[index * 2 + 1] === end) {
      return this.#holds(begin, end, pool, bytes, offset) ? Placement.Duplicate : Placement.Overlap;
    }
    if (index > 0 && ranges[index * 2 - 1] > begin) return Placement.Overlap;
    if (index < this.parts && ranges[index * 2] < end) return Placement.Overlap;
    return Placement.New;
  }

  /** Number of pages that a fragment needs in addition to those already taken. */
  pagesMissing(begin: number, end: number): number {
    let missing = 0;
    for (let page = Math.floor(begin / PAGE_BYTES); page * PAGE_BYTES < end; page++) {
      if (this.#pages[page] === NO_PAGE) missing++;
    }
    return missing;
  }

  /** Copies a fragment in; it must be `New`, and the pool must have the pages that it needs. */
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

  /** Copies the end of each fragment's payload out, in ascending order. */
  copyEnds(into: Int32Array): void {
    for (let i = 0; i < this.parts; i++) into[i] = this.#ranges[i * 2 + 1];
  }

  /** Releases the pages. */
  release(pool: PagePool): void {
    for (let page = 0; page < PAGES_PER_DATAGRAM; page++) {
      if (this.#pages[page] !== NO_PAGE) pool.release(this.#pages[page]);
      this.#pages[page] = NO_PAGE;
    }
    // Don't keep an oversized range list for the next datagram.
    if (this.#ranges.length > 256) this.#ranges = new Int32Array(16);
  }

  /** Index of the first fragment that doesn't begin before an offset. */
  #indexOf(begin: number): number {
    let low = 0;
    let high = this.parts;
    // Fragments mostly arrive in order.
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
