/** A clock that stands still while code runs, and random numbers that repeat by their seed. */
import { setImmediate } from 'node:timers/promises';

interface Event {
  readonly time: number;
  /** Of two events at one time, the one that was planned first comes first. */
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time, in milliseconds, and what happens at which time: a heap of events. */
export class VirtualTime {
  readonly #heap: Event[] = [];
  #now = 0;
  #order = 0;
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2654435761) >>> 0 || 1;
  }

  readonly clock = (): number => this.#now;

  /** A number in [0, 1): xorshift32. */
  random(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  }

  randomBytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => Math.floor(this.random() * 256));
  }

  at(time: number, run: () => void): void {
    const event = { time: Math.max(time, this.#now), order: this.#order++, run };
    const heap = this.#heap;
    let index = heap.length;
    for (; index > 0; index = (index - 1) >>> 1) {
      const parent = heap[(index - 1) >>> 1];
      if (isBefore(parent, event)) break;
      heap[index] = parent;
    }
    heap[index] = event;
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((done) => this.at(this.#now + milliseconds, done));
  }

  /** Lets so much time pass. What an event brings about is finished before the next one. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    while (this.#heap.length > 0 && this.#heap[0].time <= end) await this.#next();
    this.#now = end;
  }

  /** Lets time pass until something is so. @returns milliseconds @throws Error if it isn't after `most` milliseconds */
  async passUntil(isSo: () => boolean, most: number): Promise<number> {
    const from = this.#now;
    while (!isSo()) {
      if (this.#heap.length === 0 || this.#heap[0].time > from + most) throw new Error(`nothing after ${most} ms`);
      await this.#next();
    }
    return this.#now - from;
  }

  async #next(): Promise<void> {
    this.#now = this.#heap[0].time;
    while (this.#heap.length > 0 && this.#heap[0].time === this.#now) this.#take().run();
    await setImmediate();
  }

  #take(): Event {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (isBefore(last, heap[child])) break;
      heap[index] = heap[child];
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
