/** Maximum number of causes remembered; further ones aren't reported. */
const MAX_CAUSES = 256;
/** Milliseconds until a cause that was over is reported again: senders can make some come and go with each packet. */
const REPEAT_MS = 60_000;

/** A cause that was reported, or is to be. */
interface Cause {
  /** Whether it isn't over. */
  isActive: boolean;
  /** Whether its latest beginning was reported, so that its end is of interest. */
  isReported: boolean;
  /** When it was last reported. */
  at: number;
}

/** Reports each cause of trouble once, and again only after it was over, and at most once a minute. */
export class Troubles {
  readonly #report: (text: string) => void;
  readonly #clock: () => number;
  readonly #causes = new Map<string, Cause>();

  /** @param clock monotonic, in milliseconds. Default: performance.now */
  constructor(report: (text: string) => void, clock: () => number = () => performance.now()) {
    this.#report = report;
    this.#clock = clock;
  }

  /** Number of causes that are not over. */
  get size(): number {
    let size = 0;
    for (const { isActive } of this.#causes.values()) if (isActive) size += 1;
    return size;
  }

  begin(cause: string, text: string): void {
    const now = this.#clock();
    let known = this.#causes.get(cause);
    if (known === undefined) {
      if (this.#causes.size >= MAX_CAUSES && !this.#forgetOne(now)) return;
      known = { isActive: false, isReported: false, at: -Infinity };
      this.#causes.set(cause, known);
    }
    if (known.isActive && known.isReported) return;
    known.isActive = true;
    known.isReported = now - known.at >= REPEAT_MS;
    if (!known.isReported) return;
    known.at = now;
    this.#report(text);
  }

  /** @param text reported if the beginning was */
  end(cause: string, text?: string): void {
    const known = this.#causes.get(cause);
    if (known?.isActive !== true) return;
    known.isActive = false;
    if (known.isReported && text !== undefined) this.#report(text);
  }

  /** Forgets a cause that is over, and could be reported again anyway. */
  #forgetOne(now: number): boolean {
    for (const [cause, { isActive, at }] of this.#causes) {
      if (!isActive && now - at >= REPEAT_MS) return this.#causes.delete(cause);
    }
    return false;
  }
}
