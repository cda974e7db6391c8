/** Memory for payloads that arrive in pieces and out of order: small pages, so that a far piece costs only itself. */

/** Bytes of a page. */
export const PAGE_BYTES = 2048;
/** Pages of the longest IP payload. */
export const PAGES_PER_DATAGRAM = Math.ceil(65_535 / PAGE_BYTES);

/** A bounded number of pages, made when they are first needed and kept for the next. */
export class PagePool {
  readonly #limit: number;
  readonly #pages: Uint8Array[] = [];
  readonly #free: Int32Array;
  #freeCount = 0;

  /** @param maxBytes bytes of all pages together; at least one datagram's worth is allowed */
  constructor(maxBytes: number) {
    this.#limit = Math.max(PAGES_PER_DATAGRAM, Math.floor(maxBytes / PAGE_BYTES));
    this.#free = new Int32Array(this.#limit);
  }

  /** Pages that could still be taken. */
  get available(): number {
    return this.#limit - this.#pages.length + this.#freeCount;
  }

  /** Bytes of the pages that are taken. */
  get bytesTaken(): number {
    return (this.#pages.length - this.#freeCount) * PAGE_BYTES;
  }

  /** Takes a page: its number. There must be one available. */
  take(): number {
    if (this.#freeCount > 0) return this.#free[--this.#freeCount];
    this.#pages.push(new Uint8Array(PAGE_BYTES));
    return this.#pages.length - 1;
  }

  /** Gives a page back. */
  release(page: number): void {
    this.#free[this.#freeCount++] = page;
  }

  /** The bytes of a page. */
  bytesOf(page: number): Uint8Array {
    return this.#pages[page];
  }
}
