/** Time limits of connections: one timer looks at all of them, so that none has to be set for a request. */

/** How often they are looked at, in milliseconds: by so much a limit may be exceeded. */
export const SWEEP_INTERVAL = 100;

/** Something that may take only so long. */
export interface Timed {
  /**
   * Called again and again, so that it notices when something has taken too long.
   * @param now the mesh's clock in milliseconds
   */
  sweep(now: number): void;
}

/** The limits of a mesh. */
export class Deadlines {
  readonly #timed = new Set<Timed>();
  readonly #clock: () => number;
  #timer: NodeJS.Timeout | undefined;
  /** When the latest sweep was: the time, as far as time limits go by it. */
  now: number;

  /** @param clock monotonic, in milliseconds */
  constructor(clock: () => number) {
    this.#clock = clock;
    this.now = clock();
  }

  add(timed: Timed): void {
    this.#timed.add(timed);
    if (this.#timer !== undefined) return;
    this.now = this.#clock();
    this.#timer = setInterval(() => this.#sweep(), SWEEP_INTERVAL).unref();
  }

  delete(timed: Timed): void {
    this.#timed.delete(timed);
    if (this.#timed.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    const now = this.#clock();
    this.now = now;
    for (const timed of this.#timed) timed.sweep(now);
  }
}
