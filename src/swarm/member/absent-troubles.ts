/** Troubles with members that were gone before these were over. */
import type { Peer } from '../../gossip/index.js';
import type { Troubles } from './troubles.js';

/** Members remembered; with more, those gone longest are forgotten, and their troubles end in silence. */
const MAX_ABSENT = 32;

/** A cause of trouble, and the member as it was when it went. */
interface Absent {
  readonly peer: Peer;
  readonly cause: string;
}

/**
 * Keeps the causes of members that are gone from being over: whoever read of one hears of its end when the member is back,
 * and not of the same again if it isn't the end.
 */
export class AbsentTroubles {
  readonly #troubles: Troubles;
  readonly #absent = new Map<string, Absent>();

  constructor(troubles: Troubles) {
    this.#troubles = troubles;
  }

  /** The members that were gone, as they were then, the longest ago first. */
  get peers(): readonly Peer[] {
    return Array.from(this.#absent.values(), ({ peer }) => peer);
  }

  /** Remembers a cause that has begun. */
  add(peer: Peer, cause: string): void {
    this.resume(peer.name, cause);
    const [oldest] = this.#absent.keys();
    if (this.#absent.size >= MAX_ABSENT) this.resume(oldest, undefined);
    this.#absent.set(peer.name, { peer, cause });
  }

  /**
   * The trouble with a member goes on, so it isn't remembered here any more.
   * @param cause its cause now: another one is over
   */
  resume(name: string, cause: string | undefined): void {
    const known = this.#absent.get(name);
    if (known === undefined) return;
    this.#absent.delete(name);
    if (known.cause !== cause) this.#troubles.end(known.cause);
  }

  /** The trouble with a member is over. */
  end(name: string, text: string): void {
    const known = this.#absent.get(name);
    if (known === undefined) return;
    this.#absent.delete(name);
    this.#troubles.end(known.cause, text);
  }
}
