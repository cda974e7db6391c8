import { type Random, randomInteger, shuffle } from '../random.js';
import { type Peer } from './peer.js';

/** Tries per member that are picked at random, before fewer are returned. */
const TRIES_PER_MEMBER = 3;

/** All members that one of them knows, in the order in which it probes them. */
export class Peers {
  readonly #byName = new Map<string, Peer>();
  readonly #order: Peer[] = [];
  readonly #random: Random;
  #next = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Members known, the dead included. */
  get size(): number {
    return this.#order.length;
  }

  get(name: string): Peer | undefined {
    return this.#byName.get(name);
  }

  values(): readonly Peer[] {
    return this.#order;
  }

  /** Adds a member at a random place in the order, which keeps the time until it is first probed short. */
  add(peer: Peer): void {
    this.#byName.set(peer.name, peer);
    const last = this.#order.length;
    const place = randomInteger(this.#random, last + 1);
    this.#order.push(peer);
    const other = this.#order[place];
    if (place === last) return;
    this.#order[last] = other;
    this.#order[place] = peer;
  }

  /**
   * The next member to probe for which `isProbed`, or undefined if there is none. At the end of each round, members for
   * which `isForgotten` are removed and the others shuffled.
   */
  nextToProbe(isProbed: (peer: Peer) => boolean, isForgotten: (peer: Peer) => boolean): Peer | undefined {
    for (let checked = 0; checked <= this.#order.length; checked += 1) {
      if (this.#next >= this.#order.length) {
        this.#endRound(isForgotten);
        this.#next = 0;
        continue;
      }
      const peer = this.#order[this.#next];
      this.#next += 1;
      if (isProbed(peer)) return peer;
    }
    return undefined;
  }

  /** Up to `count` different members at random for which `isWanted`, appended to `into`. */
  pick(count: number, isWanted: (peer: Peer) => boolean, into: Peer[]): void {
    const size = this.#order.length;
    const start = into.length;
    // With no members, there are no tries.
    for (let tries = TRIES_PER_MEMBER * size; tries > 0 && into.length - start < count; tries -= 1) {
      const peer = this.#order[randomInteger(this.#random, size)];
      if (isWanted(peer) && !into.includes(peer, start)) into.push(peer);
    }
  }

  #endRound(isForgotten: (peer: Peer) => boolean): void {
    let kept = 0;
    for (const peer of this.#order) {
      if (isForgotten(peer)) {
        this.#byName.delete(peer.name);
        continue;
      }
      this.#order[kept] = peer;
      kept += 1;
    }
    this.#order.length = kept;
    shuffle(this.#order, this.#random);
  }
}
