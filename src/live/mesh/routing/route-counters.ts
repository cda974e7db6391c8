/** What the requests of a route have been: counted in the thread, and reported each second. */
import type { Exchange, Failure } from '../exchange.js';

/** Upper bounds of the histogram's buckets in seconds: those of Prometheus's clients. */
export const SECONDS_BOUNDS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const MILLISECONDS = 1000;
const CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;
const HUNDRED = 100;

/** Counters of a route. They outlive changes of what it says. */
export class RouteCounters {
  /** By hundreds of the status; those without a response first. */
  readonly #responses = new Float64Array(CLASSES.length);
  /** Not cumulative; the last are beyond all bounds. */
  readonly #buckets = new Float64Array(SECONDS_BOUNDS.length + 1);
  readonly #failures = new Map<Failure, number>();
  #seconds = 0;
  retries = 0;
  bytesIn = 0;
  bytesOut = 0;

  /** Counts a request, or a connection. @param now the mesh's clock in milliseconds */
  add({ status, began, attempts, bytesIn, bytesOut, failure }: Exchange, now: number): void {
    const hundreds = Math.trunc(status / HUNDRED);
    this.#responses[hundreds < CLASSES.length ? hundreds : 0]++;
    const seconds = Math.max(0, now - began) / MILLISECONDS;
    let bucket = 0;
    while (bucket < SECONDS_BOUNDS.length && seconds > SECONDS_BOUNDS[bucket]) bucket++;
    this.#buckets[bucket]++;
    this.#seconds += seconds;
    if (attempts > 1) this.retries += attempts - 1;
    this.bytesIn += bytesIn;
    this.bytesOut += bytesOut;
    if (failure !== undefined) this.#failures.set(failure, (this.#failures.get(failure) ?? 0) + 1);
  }

  /** Requests by hundreds of their status (`2xx`), without those that there were none of. */
  get responses(): Record<string, number> {
    return Object.fromEntries(
      CLASSES.map((name, i) => [name, this.#responses[i]] as const).filter(([, count]) => count > 0),
    );
  }

  get failures(): Record<string, number> {
    return Object.fromEntries(this.#failures);
  }

  /** Numbers of requests by upper bounds of their seconds, each with those below; all of them are the last. */
  get seconds(): { readonly bounds: readonly number[]; readonly counts: readonly number[]; readonly sum: number } {
    let count = 0;
    return { bounds: SECONDS_BOUNDS, counts: Array.from(this.#buckets, (one) => (count += one)), sum: this.#seconds };
  }
}
