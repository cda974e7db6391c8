/**
 * IP identifications of outer packets: 16 bits in IPv4, 32 in the IPv6 fragment header. A counter per destination with
 * a random start (RFC 7739 section 5.1): senders that share an address, as the workers of a group do, rarely use the
 * same ids at the same time.
 */
import type { RandomBytes } from '../memory/index.js';
import { platformRandom } from '../memory/internal.js';

/** Identification counters by node. */
export class Identifications {
  /** The next identification for each node. `Encap` advances it for IPv4, skipping 0, and `Fragment` for IPv6. */
  next: Int32Array;
  readonly #random: RandomBytes;

  /**
   * @param nodes number of nodes
   * @param random fills an array with random bytes, for the start values; default: the platform's source
   */
  constructor(nodes: number, random: RandomBytes = platformRandom) {
    this.next = Int32Array.from({ length: nodes }, (_, node) => node * 251);
    random(new Uint8Array(this.next.buffer));
    this.#random = random;
  }

  /** Draws a new start value for an index that now belongs to another node. */
  renew(node: number): void {
    if (node >= this.next.length) {
      const next = new Int32Array(Math.max(node + 1, 2 * this.next.length));
      next.set(this.next);
      this.next = next;
    }
    this.next[node] = node * 251;
    this.#random(new Uint8Array(this.next.buffer, 4 * node, 4));
  }
}
