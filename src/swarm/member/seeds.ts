import { type GossipEndpoint, sameEndpoint } from '../../gossip/index.js';
import { endpointText } from './address-text.js';
import type { StreamFailure } from './opened-streams.js';
import type { Troubles } from './troubles.js';

/** Time until the first retry, and the longest, in milliseconds. */
const FIRST_RETRY = 1000;
const LONGEST_RETRY = 8_000;
/** Maximum number of members to join. */
const MAX_SEEDS = 64;

/** What is wrong if joining a member fails. */
const FAILURES: Readonly<Record<StreamFailure, (place: string, port: number, detail: string) => string>> = {
  refused: (place, port) =>
    `Nothing listens on TCP port ${port} at ${place}: no swarm node is there, it isn't up, or a firewall rejects TCP port ${port}`,
  timeout: (place, port) =>
    `No answer from ${place}: a firewall may drop TCP port ${port}, or the address is wrong; open TCP and UDP ${port} in both directions`,
  unreachable: (place, port, detail) =>
    `${place} can't be reached (${detail}): a firewall may reject TCP port ${port}, the host may be down, or the address is wrong`,
  'no-answer': (place) =>
    `${place} closes the connection without an answer: this node's gossip keys are not its keys, or it is in another swarm`,
  unreadable: (place, _, detail) =>
    `The answer of ${place} can't be read (${detail}): this node's gossip keys are not its keys, or it is in another swarm`,
  other: (place, _, detail) => `Can't join the gossip at ${place}: ${detail}`,
};

/**
 * The members that a node joins, and when: at the start, and again while none of them is a member, less and less often.
 * A Docker engine looks once a minute, and a restarted manager without others is alone for as long.
 */
export class Seeds {
  readonly #own: GossipEndpoint;
  readonly #troubles: Troubles;
  #endpoints: readonly GossipEndpoint[] = [];
  #retry = FIRST_RETRY;
  /** When to try next, unless one of them is a member. */
  retryAt = Infinity;

  /** @param own not to be joined */
  constructor(own: GossipEndpoint, troubles: Troubles) {
    this.#own = own;
    this.#troubles = troubles;
  }

  get endpoints(): readonly GossipEndpoint[] {
    return this.#endpoints;
  }

  /** Replaces them. Returns false if they are the same as before. */
  set(endpoints: readonly GossipEndpoint[]): boolean {
    const before = this.#endpoints;
    const others = endpoints.filter((endpoint) => !sameEndpoint(endpoint, this.#own)).slice(0, MAX_SEEDS);
    const isSame = others.length === before.length && others.every((other, at) => sameEndpoint(other, before[at]));
    if (isSame) return false;
    this.#endpoints = others.map(({ addr, port }) => ({ addr: Uint8Array.from(addr), port }));
    this.#retry = FIRST_RETRY;
    this.retryAt = Infinity;
    return true;
  }

  /** Says that they are tried now. */
  tried(now: number): void {
    if (this.#endpoints.length > 0) this.retryAt = now + this.#retry;
    this.#retry = Math.min(2 * this.#retry, LONGEST_RETRY);
  }

  /** Says that one of them is a member: the next attempt, if ever, is soon. */
  notNeeded(now: number): void {
    this.#retry = FIRST_RETRY;
    this.retryAt = now + FIRST_RETRY;
  }

  succeeded(to: GossipEndpoint): void {
    const place = endpointText(to);
    for (const failure of Object.keys(FAILURES))
      this.#troubles.end(`${failure} ${place}`, `The gossip at ${place} is reached now.`);
  }

  failed(to: GossipEndpoint, failure: StreamFailure, detail: string): void {
    if (!this.#endpoints.some((endpoint) => sameEndpoint(endpoint, to))) return;
    const place = endpointText(to);
    this.#troubles.begin(`${failure} ${place}`, `${FAILURES[failure](place, to.port, detail)}.`);
  }
}
