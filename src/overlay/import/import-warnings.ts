/** Warnings about gaps and contradictions in imports, one line each, with a limited number per kind. */

/** Maximum number of lines per kind. */
const MAX_OF_A_KIND = 20;

/** Collects the warnings. */
export class ImportWarnings {
  readonly #lines = new Map<string, string[]>();
  readonly #more = new Map<string, number>();

  /**
   * Adds a line.
   * @param kind lines of one kind share a limit
   */
  add(kind: string, line: string): void {
    const lines = this.#lines.get(kind) ?? [];
    this.#lines.set(kind, lines);
    if (lines.length < MAX_OF_A_KIND) lines.push(line);
    else this.#more.set(kind, (this.#more.get(kind) ?? 0) + 1);
  }

  /** All lines, grouped by kind. */
  lines(): string[] {
    return [...this.#lines].flatMap(([kind, lines]) => {
      const more = this.#more.get(kind);
      return more === undefined ? lines : [...lines, `${more} more like the line above`];
    });
  }
}
