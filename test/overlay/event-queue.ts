/** A fake clock: runs events in chronological order; simultaneous ones in the order of scheduling. */

interface Entry {
  readonly time: number;
  readonly order: number;
  readonly action: () => void;
}

function before(a: Entry, b: Entry): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}

/** Scheduled events. */
export class EventQueue {
  /** Seconds. */
  now = 0;
  #order = 0;
  readonly #heap: Entry[] = [];

  /** Schedules an action after a delay in seconds. */
  after(seconds: number, action: () => void): void {
    const heap = this.#heap;
    const entry = { time: this.now + seconds, order: this.#order++, action };
    let at = heap.push(entry) - 1;
    for (let up = (at - 1) >> 1; at > 0 && before(entry, heap[up]); up = (at - 1) >> 1) {
      heap[at] = heap[up];
      at = up;
    }
    heap[at] = entry;
  }

  /** Advances time to a moment. */
  runUntil(seconds: number): void {
    const heap = this.#heap;
    while (heap.length > 0 && heap[0].time <= seconds) {
      const { time, action } = heap[0];
      this.#removeFirst();
      this.now = time;
      action();
    }
    this.now = seconds;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
  }
}
