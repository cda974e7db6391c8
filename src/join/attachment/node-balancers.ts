/** The addresses that the swarm gives to this node's load balancers. */
import { JoinError } from '../error.js';
import type { NetworkAttachment } from '../messages.js';
import { type NetworkAddress, readNetworkAddress } from './network-address.js';

/**
 * The address of this node's load balancer on a network. The swarm gives one on each overlay network that a task of the
 * node is on, and always one on the ingress network. Docker's engines announce it in gossip as the endpoint of
 * `lb-NETWORK`, and translate connections to virtual addresses there.
 */
export type NodeBalancer = NetworkAddress;

/** Far more networks than a node is on. */
const MAX_BALANCERS = 2_000;

/** Keeps the load balancers' addresses, as each session message lists them. */
export class NodeBalancers {
  #current: readonly NodeBalancer[] = [];
  #text = '[]';
  readonly #onUnusable: (error: JoinError) => void;
  /** Networks that were reported as unusable. */
  #unusable = new Set<string>();

  /** @param onUnusable called once for each network that can't be used */
  constructor(onUnusable: (error: JoinError) => void) {
    this.#onUnusable = onUnusable;
  }

  /** The load balancers, by network id. */
  get current(): readonly NodeBalancer[] {
    return this.#current;
  }

  /**
   * Takes over a list, in place of the former one. Networks that can't be used are skipped, and so is everything beyond
   * 2,000.
   * @returns whether anything changed
   */
  update(attachments: readonly NetworkAttachment[]): boolean {
    const found = new Map<string, NodeBalancer>();
    const unusable = new Set<string>();
    for (const attachment of attachments.slice(0, MAX_BALANCERS)) {
      const id = attachment.network?.id ?? '';
      // Listed, but not allocated yet.
      if (attachment.addresses.length === 0) continue;
      try {
        found.set(id, readNetworkAddress(attachment, id));
      } catch (error) {
        if (!(error instanceof JoinError)) throw error;
        unusable.add(id);
        if (!this.#unusable.has(id)) this.#onUnusable(error);
      }
    }
    this.#unusable = unusable;
    const sorted = [...found.values()].sort((a, b) => (a.networkId < b.networkId ? -1 : 1));
    const text = JSON.stringify(sorted.map((balancer) => ({ ...balancer, options: [...balancer.options] })));
    if (text === this.#text) return false;
    this.#text = text;
    this.#current = sorted;
    return true;
  }
}
