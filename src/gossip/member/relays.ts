import { type GossipEndpoint } from './endpoint.js';

/** A ping on behalf of another member. */
export interface Relay {
  /** Whom to answer, and the sequence number of its request. */
  readonly to: GossipEndpoint;
  readonly answer: number;
  /** Whether it wants to know that the ping wasn't answered. */
  readonly nack: boolean;
  readonly deadline: number;
}

/** Pings on behalf of others that are in progress, by their own sequence number. All take the same time. */
export class Relays {
  readonly #relays = new Map<number, Relay>();
  readonly #capacity: number;
  /** No relay ends before this. */
  #next = Infinity;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get nextDeadline(): number {
    return this.#next;
  }

  /** Returns false if too many are in progress. */
  add(seqNo: number, answer: number, to: GossipEndpoint, nack: boolean, deadline: number): boolean {
    if (this.#relays.size >= this.#capacity) return false;
    this.#relays.set(seqNo, { to, answer, nack, deadline });
    this.#next = Math.min(this.#next, deadline);
    return true;
  }

  /** Ends the relay whose ping was answered; undefined if there is none, or it is too late. */
  take(seqNo: number, now: number): Relay | undefined {
    const relay = this.#relays.get(seqNo);
    if (relay === undefined || now >= relay.deadline) return undefined;
    this.#relays.delete(seqNo);
    return relay;
  }

  /** Ends the relays whose pings were not answered in time. */
  expire(now: number): readonly Relay[] {
    const expired: Relay[] = [];
    this.#next = Infinity;
    for (const [seqNo, relay] of this.#relays) {
      if (now < relay.deadline) {
        this.#next = relay.deadline;
        break;
      }
      this.#relays.delete(seqNo);
      expired.push(relay);
    }
    return expired;
  }
}
