/** Where a list of any length is scrolled to. Browsers limit the height of elements, so that of a long list is scaled. */

/** Largest height of an element in pixels: browsers' limits are 16 to 33 million. */
export const MAX_HEIGHT = 8_000_000;

/** A list of rows of one height in a window. Positions are in pixels of the whole list as if its height had no limit. */
export class ScrollPosition {
  #rows = 0;
  #rowHeight = 1;
  #windowHeight = 0;
  #top = 0;

  /** @returns whether something has changed */
  resize(rows: number, rowHeight: number, windowHeight: number): boolean {
    if (rows === this.#rows && rowHeight === this.#rowHeight && windowHeight === this.#windowHeight) return false;
    // The first row stays the first.
    const first = this.#top / this.#rowHeight;
    this.#rows = rows;
    this.#rowHeight = rowHeight;
    this.#windowHeight = windowHeight;
    this.moveTo(first * rowHeight);
    return true;
  }

  /** Position of the window's upper edge. */
  get top(): number {
    return this.#top;
  }

  /** Height of the scrolled element. */
  get height(): number {
    return Math.min(this.#total, MAX_HEIGHT);
  }

  /** Whether a pixel of the scrolled element is more than one of the list. */
  get isScaled(): boolean {
    return this.#total > MAX_HEIGHT;
  }

  /** The element's `scrollTop`. */
  get scrollTop(): number {
    return this.isScaled ? (this.#top / this.#range) * (MAX_HEIGHT - this.#windowHeight) : this.#top;
  }

  /** Index of the first row that is at least partly in the window. */
  get first(): number {
    return Math.floor(this.#top / this.#rowHeight);
  }

  /** Index after the last such row. */
  get end(): number {
    return Math.min(this.#rows, Math.ceil((this.#top + this.#windowHeight) / this.#rowHeight));
  }

  /** Moves the window's upper edge, within the list. */
  moveTo(top: number): void {
    this.#top = Math.max(0, Math.min(top, this.#range));
  }

  /** Takes over the element's `scrollTop`, unless it is that of this position already. */
  scrolled(scrollTop: number): void {
    // Browsers round it.
    if (Math.abs(scrollTop - this.scrollTop) <= 1) return;
    const range = MAX_HEIGHT - this.#windowHeight;
    this.moveTo(this.isScaled ? (scrollTop / range) * this.#range : scrollTop);
  }

  /** Moves the window by as little as it takes for a row to be in it. */
  reveal(row: number): void {
    const from = row * this.#rowHeight;
    const lowest = from + this.#rowHeight - this.#windowHeight;
    if (from < this.#top) this.moveTo(from);
    else if (lowest > this.#top) this.moveTo(lowest);
  }

  get #total(): number {
    return this.#rows * this.#rowHeight;
  }

  get #range(): number {
    return Math.max(0, this.#total - this.#windowHeight);
  }
}
