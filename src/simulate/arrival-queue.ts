/** The arrivals of one node that nobody has read yet. */
import type { Arrival } from './arrival.js';

/** A bounded queue with waiting readers. */
export class ArrivalQueue {
  /** Arrivals dropped because the queue was full. */
  dropped = 0;
  readonly #arrivals: Arrival[] = [];
  readonly #limit: number;
  #head = 0;
  #waiting: ((arrival: Arrival | undefined) => void)[] = [];
  #closed = false;

  /** @param limit maximum number of arrivals */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#arrivals.length - this.#head;
  }

  push(arrival: Arrival): void {
    const reader = this.#waiting.shift();
    if (reader !== undefined) reader(arrival);
    else if (this.length < this.#limit) this.#arrivals.push(arrival);
    else this.dropped++;
  }

  /** Removes the oldest arrival. */
  shift(): Arrival | undefined {
    if (this.length === 0) return undefined;
    const arrival = this.#arrivals[this.#head++];
    // Constant time on average.
    if (this.#head * 2 >= this.#arrivals.length) {
      this.#arrivals.splice(0, this.#head);
      this.#head = 0;
    }
    return arrival;
  }

  /** Resolves with the next arrival, or undefined once the queue is closed. */
  next(): Promise<Arrival | undefined> {
    const arrival = this.shift();
    if (arrival !== undefined || this.#closed) return Promise.resolve(arrival);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends the readers that wait. */
  close(): void {
    this.#closed = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const reader of waiting) reader(undefined);
  }
}
