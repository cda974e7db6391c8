import type { GossipEndpoint } from '../../gossip/index.js';
import { formatAddress } from '../../overlay/internal.js';

/** Addresses of members and seeds, whose packets and streams come before those of strangers. */
export class KnownAddresses {
  #known = new Set<string>();

  has(address: string): boolean {
    return this.#known.has(address);
  }

  add({ addr }: GossipEndpoint): void {
    this.#known.add(formatAddress(addr));
  }

  /** Forgets all others. */
  replace(endpoints: Iterable<GossipEndpoint>): void {
    this.#known = new Set();
    for (const endpoint of endpoints) this.add(endpoint);
  }
}
