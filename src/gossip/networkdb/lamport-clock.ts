/**
 * How far ahead a time may be: more than any cluster counts while a node is away. Without a limit, one forged event
 * would leave no room above it.
 */
const MAX_JUMP = 2 ** 40;

/** A Lamport clock: counts events, and is never behind one that was seen. */
export class LamportClock {
  #time = 0;

  get time(): number {
    return this.#time;
  }

  /** Counts an event of this node. Returns its time. */
  increment(): number {
    this.#time += 1;
    return this.#time;
  }

  /** Records the time of another node's event. Returns false, and ignores it, if it is impossibly far ahead. */
  witness(time: number): boolean {
    if (time < this.#time) return true;
    if (time - this.#time > MAX_JUMP || time >= Number.MAX_SAFE_INTEGER) return false;
    this.#time = time + 1;
    return true;
  }
}
