/** Takes the queries of one endpoint to upstream servers, and their answers back. */
import { type Exchange, type Resolution, ResolutionKind } from '../../service/index.js';
import { type Readiness } from '../system/readiness.js';
import { DnsDrop, type EndpointCounters } from './dns-counters.js';
import { UpstreamQuery } from './upstream-query.js';

/** Queries of all endpoints that wait for upstream servers: each has a descriptor. */
const MAX_PENDING = 4096;

/** Number of queries that wait, over all endpoints of a thread. */
export interface ForwardingLoad {
  pending: number;
}

type Done = (answer: Uint8Array | undefined) => void;

/** A query that waits for a server, or for its turn. */
interface Pending {
  readonly exchange: Exchange;
  readonly done: Done;
  cancel: () => void;
}

/** The upstream side of an endpoint's server. */
export class Forwarder {
  readonly #readiness: Readiness;
  readonly #within: <T>(run: () => T) => T;
  readonly #counters: EndpointCounters;
  readonly #load: ForwardingLoad;
  readonly #pending = new Set<Pending>();
  /** In the order in which they came. */
  readonly #waiting = new Set<Pending>();

  /** @param within calls a function in the endpoint's namespace; throws if that is gone */
  constructor(readiness: Readiness, within: <T>(run: () => T) => T, counters: EndpointCounters, load: ForwardingLoad) {
    this.#readiness = readiness;
    this.#within = within;
    this.#counters = counters;
    this.#load = load;
  }

  /**
   * Completes a query.
   * @param done called once, with the answer; undefined if there is none, which is then counted
   */
  forward(resolution: Resolution, done: Done): void {
    const counters = this.#counters;
    if (resolution.kind === ResolutionKind.Answer) {
      done(resolution.answer);
      return;
    }
    if (resolution.kind === ResolutionKind.Silence) {
      counters.dropped[DnsDrop.NoUpstreamAnswer]++;
      done(undefined);
      return;
    }
    if (this.#load.pending >= MAX_PENDING) {
      resolution.exchange.cancel();
      counters.dropped[DnsDrop.TooManyForwarded]++;
      done(undefined);
      return;
    }
    this.#load.pending++;
    counters.pending++;
    counters.forwarded++;
    const pending: Pending = { exchange: resolution.exchange, done, cancel: () => undefined };
    this.#pending.add(pending);
    this.#step(pending, resolution);
  }

  /** Gives all queries up. */
  close(): void {
    for (const pending of [...this.#pending]) {
      pending.cancel();
      pending.exchange.cancel();
      this.#counters.dropped[DnsDrop.ClientGone]++;
      this.#finish(pending, undefined);
    }
  }

  #step(pending: Pending, resolution: Resolution): void {
    const { exchange } = pending;
    switch (resolution.kind) {
      case ResolutionKind.Answer:
        this.#finish(pending, resolution.answer);
        this.#retry();
        break;
      case ResolutionKind.Silence:
        this.#counters.dropped[DnsDrop.NoUpstreamAnswer]++;
        this.#finish(pending, undefined);
        this.#retry();
        break;
      case ResolutionKind.Wait: {
        const timer = setTimeout(() => {
          this.#waiting.delete(pending);
          this.#step(pending, exchange.fail());
        }, 1000 * resolution.timeout);
        this.#waiting.add(pending);
        pending.cancel = () => {
          clearTimeout(timer);
          this.#waiting.delete(pending);
        };
        break;
      }
      case ResolutionKind.Forward: {
        const { request } = resolution;
        const within = request.fromHost ? <T>(run: () => T): T => run() : this.#within;
        const query = new UpstreamQuery(this.#readiness, request, within, (message) =>
          this.#step(pending, message === undefined ? exchange.fail() : exchange.receive(message)),
        );
        pending.cancel = () => query.cancel();
      }
    }
  }

  #finish(pending: Pending, answer: Uint8Array | undefined): void {
    this.#pending.delete(pending);
    this.#load.pending--;
    this.#counters.pending--;
    pending.done(answer);
  }

  /** A query is done, so the one that has waited longest may have its place. */
  #retry(): void {
    for (const pending of this.#waiting) {
      pending.cancel();
      this.#step(pending, pending.exchange.retry());
      return;
    }
  }
}
