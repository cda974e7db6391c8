/** What is wrong with records, each reported once until it is resolved. */

/** Problems that are told one by one; of more, only that there are more. */
const MAX_TOLD = 16;

/** The problems of records, by key. */
export class RecordTroubles {
  readonly #texts = new Map<string, string>();
  readonly #tell: (text: string) => void;
  readonly #told = new Set<string>();
  #toldMore = false;

  /** @param tell receives a description of each problem, once */
  constructor(tell: (text: string) => void) {
    this.#tell = tell;
  }

  get size(): number {
    return this.#texts.size;
  }

  /** The first ones. */
  get first(): string[] {
    return [...this.#texts.values()].slice(0, MAX_TOLD);
  }

  /** @param text undefined if nothing is wrong (any more) */
  set(key: string, text: string | undefined): void {
    if (text === this.#texts.get(key)) return;
    if (text === undefined) {
      this.#texts.delete(key);
      this.#told.delete(key);
      if (this.#texts.size <= MAX_TOLD) this.#toldMore = false;
      return;
    }
    this.#texts.set(key, text);
    if (this.#told.size < MAX_TOLD || this.#told.has(key)) {
      this.#told.add(key);
      this.#tell(`${key}: ${text}`);
    } else if (!this.#toldMore) {
      this.#toldMore = true;
      this.#tell('further records have problems; see the status');
    }
  }
}
