/** The parts of a node that have packets of their own, such as the gateway's switch, and their descriptors. */
import type { LivePart } from '../port/live-part.js';
import type { Poller } from '../system/poller.js';

/** A part, and where its descriptors are among those polled. */
class PolledPart {
  /** Its descriptors, as of the last `NodeParts.arrange`. */
  descriptors: readonly number[] = [];
  /** Made once, since a turn allocates nothing. */
  readonly isReady = (index: number): boolean => this.poller === undefined || this.poller.isReady(this.first + index);
  /** Undefined if the node doesn't poll: then any descriptor may be ready. */
  poller: Poller | undefined;
  first = 0;

  constructor(readonly part: LivePart) {}

  /** Whether its list of descriptors is another now. */
  get changed(): boolean {
    const { descriptors } = this.part;
    if (descriptors.length !== this.descriptors.length) return true;
    for (let i = 0; i < descriptors.length; i++) if (descriptors[i] !== this.descriptors[i]) return true;
    return false;
  }
}

/** A node's parts. */
export class NodeParts {
  #parts: readonly PolledPart[];

  constructor(parts: readonly LivePart[] = []) {
    this.#parts = parts.map((part) => new PolledPart(part));
  }

  /** Whether any part's descriptors have changed since `arrange`. */
  get changed(): boolean {
    const parts = this.#parts;
    for (let i = 0; i < parts.length; i++) if (parts[i].changed) return true;
    return false;
  }

  /** Whether any part has buffered packets that poll(2) does not report. */
  get pending(): boolean {
    const parts = this.#parts;
    for (let i = 0; i < parts.length; i++) if (parts[i].part.pending) return true;
    return false;
  }

  /** Adds a part; `arrange` and `use` must follow. */
  add(part: LivePart): void {
    if (!this.#parts.some((one) => one.part === part)) this.#parts = [...this.#parts, new PolledPart(part)];
  }

  /** Removes a part; `arrange` and `use` must follow. */
  remove(part: LivePart): void {
    this.#parts = this.#parts.filter((one) => one.part !== part);
  }

  /** Records the descriptors of all parts, and returns them in order. */
  arrange(): number[] {
    for (const one of this.#parts) one.descriptors = [...one.part.descriptors];
    return this.#parts.flatMap(({ descriptors }) => descriptors);
  }

  /**
   * Sets the poller.
   * @param poller undefined if the node doesn't poll
   * @param first index of the first part's first descriptor
   */
  use(poller: Poller | undefined, first: number): void {
    let next = first;
    for (const one of this.#parts) {
      one.poller = poller;
      one.first = next;
      next += one.descriptors.length;
    }
  }

  /**
   * Gives each part its turn.
   * @returns number of packets moved
   */
  turn(now: number): number {
    const parts = this.#parts;
    let count = 0;
    for (let i = 0; i < parts.length; i++) count += parts[i].part.turn(parts[i].isReady, now);
    return count;
  }
}
