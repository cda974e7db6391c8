/** Problems in groups: each is reported once, and again only if it was over in between. */

/** Most troubles of one group that are told. */
const MAX_TOLD = 20;

/** Troubles that last. */
export class ToldTroubles {
  readonly #tell: (text: string) => void;
  readonly #groups = new Map<string, readonly string[]>();
  readonly #told = new Map<string, ReadonlySet<string>>();
  /** Groups that have changed since they were told. */
  readonly #changed = new Set<string>();

  constructor(tell: (text: string) => void) {
    this.#tell = tell;
  }

  /** Number of troubles at present. */
  get size(): number {
    let size = 0;
    for (const troubles of this.#groups.values()) size += troubles.length;
    return size;
  }

  /** Sets the troubles of a group. They are told with `tell`, if they are still there. */
  set(group: string, troubles: readonly string[]): void {
    if (troubles.length === 0) {
      if (!this.#groups.delete(group)) return;
    } else this.#groups.set(group, troubles);
    this.#changed.add(group);
  }

  /** Tells what is new. */
  tell(): void {
    for (const group of this.#changed) {
      const troubles = (this.#groups.get(group) ?? []).slice(0, MAX_TOLD);
      const told = this.#told.get(group);
      for (const trouble of troubles) if (told?.has(trouble) !== true) this.#tell(trouble);
      if (troubles.length === 0) this.#told.delete(group);
      else this.#told.set(group, new Set(troubles));
    }
    this.#changed.clear();
  }
}
