/** Warnings about what of an input could not be used, with a limited number. */

/** Maximum number of warnings of an input. */
const MAX_WARNINGS = 20;

/** Collects the warnings of one input. */
export class InputWarnings {
  readonly #lines: string[] = [];
  #more = 0;

  /** @param line line of the file, if it is about one */
  add(what: string, line?: number): void {
    const text = line === undefined ? what : `line ${line}: ${what}`;
    if (this.#lines.includes(text)) return;
    if (this.#lines.length < MAX_WARNINGS) this.#lines.push(text);
    else this.#more++;
  }

  /** The warnings; the last one counts those over the limit. */
  get lines(): string[] {
    return this.#more === 0 ? [...this.#lines] : [...this.#lines, `and ${this.#more} more warnings`];
  }
}
