/** Maximum number of causes remembered; further ones aren't reported. */
const MAX_CAUSES = 256;

/** Reports each cause of trouble once, and again only after it was over. */
export class Troubles {
  readonly #report: (text: string) => void;
  readonly #causes = new Set<string>();

  constructor(report: (text: string) => void) {
    this.#report = report;
  }

  /** Number of causes that are not over. */
  get size(): number {
    return this.#causes.size;
  }

  begin(cause: string, text: string): void {
    if (this.#causes.has(cause) || this.#causes.size >= MAX_CAUSES) return;
    this.#causes.add(cause);
    this.#report(text);
  }

  /** @param text reported if the cause had been */
  end(cause: string, text?: string): void {
    if (this.#causes.delete(cause) && text !== undefined) this.#report(text);
  }
}
