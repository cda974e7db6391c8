/** Packets that come later than their turn. */
import { PlannedPacket } from './packet.js';

/** Packets that are held back at the same time, at most; the underlay delays no more of them. */
const HELD = 1024;

/** Packets held back, in the order in which they are due. */
export class HeldPackets {
  readonly #packets = Array.from({ length: HELD }, () => new PlannedPacket());
  readonly #due = new Float64Array(HELD);
  #first = 0;
  count = 0;

  /** Keeps a copy. Returns whether there was room. */
  push(packet: PlannedPacket, due: number): boolean {
    if (this.count === HELD) return false;
    const at = (this.#first + this.count++) % HELD;
    this.#packets[at].copy(packet);
    this.#due[at] = due;
    return true;
  }

  /** Whether one is due. */
  isDue(planned: number): boolean {
    return this.count > 0 && this.#due[this.#first] <= planned;
  }

  /** Takes the first. */
  pop(packet: PlannedPacket): void {
    packet.copy(this.#packets[this.#first]);
    this.#first = (this.#first + 1) % HELD;
    this.count--;
  }
}
