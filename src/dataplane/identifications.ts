/**
 * The next identification of the outer packets to each node: 16 bits in IPv4, 32 in IPv6's fragment header. They count up
 * from a random start for each destination (RFC 7739 section 5.1), so that senders that share an address, as the workers of a
 * group do, rarely use the same ones at the same time.
 */
import { platformRandom, type RandomBytes } from '../memory/hash.js';

/** Identifications by node. */
export class Identifications {
  /** What the next packet to each node gets: `Encap` counts IPv4's, which skip 0, and `Fragment` IPv6's. */
  next: Int32Array;
  readonly #vteps: string[];
  readonly #random: RandomBytes;

  /**
   * @param vteps addresses of the nodes
   * @param random fills an array with random bytes for where the numbers start; the platform's source by default
   * @param before those of a chain that this one replaces: nodes that stay go on with their numbers
   */
  constructor(vteps: readonly Uint8Array[], random: RandomBytes = platformRandom, before?: Identifications) {
    this.next = Int32Array.from(vteps, (_, node) => node * 251);
    random(new Uint8Array(this.next.buffer));
    this.#random = random;
    this.#vteps = vteps.map(addressText);
    if (before === undefined) return;
    const known = new Map(before.#vteps.map((vtep, node) => [vtep, before.next[node]]));
    this.#vteps.forEach((vtep, node) => (this.next[node] = known.get(vtep) ?? this.next[node]));
  }
  /** Draws a new start for an index that another node has now. */
  renew(node: number, vtep: Uint8Array): void {
    if (node >= this.next.length) {
      const next = new Int32Array(Math.max(node + 1, 2 * this.next.length));
      next.set(this.next);
      this.next = next;
    }
    this.next[node] = node * 251;
    this.#random(new Uint8Array(this.next.buffer, 4 * node, 4));
    this.#vteps[node] = addressText(vtep);
  }
}

function addressText(address: Uint8Array): string {
  return address.join('.');
}
