/** Which keys a node has, and since when: all that is ever shown of them. */
import type { KeyRing } from '../../overlay/index.js';

/** A key without its bytes. */
export interface KeyAge {
  /** Its Lamport time. */
  readonly tag: number;
  /** Whether this node sends with it. */
  readonly transmit: boolean;
  /** Seconds since this process has had it. */
  readonly seconds: number;
}

/** The keys of a ring, over its rotations. */
export class KeyAges {
  readonly #clock: () => number;
  #since = new Map<number, number>();
  #transmit: number | undefined;

  /** @param clock monotonic, in seconds */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** The tag of the key that this node sends with. */
  get transmit(): number | undefined {
    return this.#transmit;
  }

  /** The keys, oldest first. */
  get keys(): readonly KeyAge[] {
    const now = this.#clock();
    return [...this.#since].map(([tag, since]) => ({
      tag,
      transmit: tag === this.#transmit,
      seconds: Math.max(0, now - since),
    }));
  }

  /**
   * Takes over a ring.
   * @returns whether it differs from the one before
   */
  update(ring: KeyRing | undefined): boolean {
    const tags = ring?.keys.map(({ tag }) => tag) ?? [];
    const isSame = tags.length === this.#since.size && tags.every((tag) => this.#since.has(tag));
    if (isSame) return false;
    const now = this.#clock();
    this.#since = new Map(tags.map((tag) => [tag, this.#since.get(tag) ?? now]));
    this.#transmit = ring?.transmit.tag;
    return true;
  }
}
