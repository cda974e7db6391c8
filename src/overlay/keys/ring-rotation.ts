/** The manager's side: creates the next ring on schedule or on demand, like Swarm's key manager. */
import type { KeyRing } from './key-ring.js';
import type { RotationSchedule } from './rotation-schedule.js';

/** Options of a rotating ring. */
export interface RingRotationOptions {
  readonly schedule: RotationSchedule;
  /** Fills an array with cryptographic random bytes. */
  readonly random: (bytes: Uint8Array) => void;
  /**
   * Increment from the newest tag to a new one.
   * @default 1
   */
  readonly tagStep?: number;
}

/** A key ring that rotates. */
export class RingRotation {
  /** Number of rotations so far. */
  rotations = 0;
  #ring: KeyRing;
  readonly #schedule: RotationSchedule;
  readonly #random: (bytes: Uint8Array) => void;
  readonly #tagStep: number;

  /**
   * @param ring its keys are copied
   * @throws OverlayError `KEY_WIPED`
   */
  constructor(ring: KeyRing, { schedule, random, tagStep = 1 }: RingRotationOptions) {
    this.#ring = ring.copy();
    this.#schedule = schedule;
    this.#random = random;
    this.#tagStep = tagStep;
  }

  /** The current ring. This object owns it: take a `copy` to keep it. */
  get ring(): KeyRing {
    return this.#ring;
  }

  /**
   * Rotates if it is due: once, however late the call.
   * @param nowSeconds the schedule's clock, in seconds
   * @returns the new ring, to be distributed to every node, or undefined
   * @throws OverlayError `BAD_SCHEDULE` for a time that isn't a number; `KEY_WIPED`
   */
  poll(nowSeconds: number): KeyRing | undefined {
    return this.#schedule.due(nowSeconds) ? this.#rotate(nowSeconds) : undefined;
  }

  /**
   * Rotates early, for when sequence numbers run out or a key may be compromised.
   * @returns the new ring; undefined while some nodes may not have the last one yet, since a second rotation would
   * leave them two behind (see `RotationSchedule.earliest`)
   * @throws OverlayError as `poll`
   */
  rotateNow(nowSeconds: number): KeyRing | undefined {
    return this.#schedule.mayRotate(nowSeconds) ? this.#rotate(nowSeconds) : undefined;
  }

  /** Wipes the keys. */
  close(): void {
    this.#ring.wipe();
  }

  #rotate(now: number): KeyRing {
    const before = this.#ring;
    this.#ring = before.rotated(this.#random, this.#tagStep);
    this.#schedule.rotated(now);
    this.rotations++;
    for (const key of before.keys) if (!this.#ring.keys.includes(key)) key.wipe();
    return this.#ring;
  }
}
