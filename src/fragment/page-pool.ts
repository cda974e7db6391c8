/**
 * Memory for payloads that arrive in pieces and out of order: small pages, so that a distant piece costs only itself.
 */

/** Size of a page in bytes. */
export const PAGE_BYTES = 2048;
/** Pages of the longest IP payload. */
export const PAGES_PER_DATAGRAM = Math.ceil(65_535 / PAGE_BYTES);

/** A bounded pool of pages, allocated on first use and then reused. */
export class PagePool {
  readonly #limit: number;
  readonly #pages: Uint8Array[] = [];
  readonly #free: Int32Array;
  #freeCount = 0;

  /** @param maxBytes size of all pages; at least one datagram's worth is allowed */
  constructor(maxBytes: number) {
    this.#limit = Math.max(PAGES_PER_DATAGRAM, Math.floor(maxBytes / PAGE_BYTES));
    this.#free = new Int32Array(this.#limit);
  }

  /** Number of pages available. */
  get available(): number {
    return this.#limit - this.#pages.length + this.#freeCount;
  }

  /** Bytes of the pages in use. */
  get bytesTaken(): number {
    return (this.#pages.length - this.#freeCount) * PAGE_BYTES;
  }

  /** Takes a page and returns its index. One must be available. */
  take(): number {
    if (this.#freeCount > 0) return this.#free[--this.#freeCount];
    this.#pages.push(new Uint8Array(PAGE_BYTES));
    return this.#pages.length - 1;
  }

  /** Releases a page. */
  release(page: number): void {
    this.#free[this.#freeCount++] = page;
  }

  /** The bytes of a page. */
  bytesOf(page: number): Uint8Array {
    return this.#pages[page];
  }
}
