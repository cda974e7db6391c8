/** The manager's side: makes the next ring when the schedule or somebody asks for it, as Swarm's key manager does. */
import type { KeyRing } from './key-ring.js';
import type { RotationSchedule } from './rotation-schedule.js';

/** How rings are made. */
export interface RingRotationOptions {
  readonly schedule: RotationSchedule;
  /** Fills an array with cryptographic random bytes. */
  readonly random: (bytes: Uint8Array) => void;
  /** How far a new key's tag is from the newest one; 1. */
  readonly tagStep?: number;
}

/** A ring that rotates. */
export class RingRotation {
  /** Rotations that were made. */
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

  /** The present ring. It is this object's own: whoever keeps it takes a `copy`. */
  get ring(): KeyRing {
    return this.#ring;
  }

  /**
   * Rotates if it is time to: once, however late the call.
   * @param now seconds of the schedule's clock
   * @returns the new ring, to be handed to every node, or undefined
   * @throws OverlayError `BAD_SCHEDULE` for a time that is no number; `KEY_WIPED`
   */
  poll(now: number): KeyRing | undefined {
    return this.#schedule.due(now) ? this.#rotate(now) : undefined;
  }

  /**
   * Rotates early: because sequence numbers run out, or a key may be known.
   * @returns the new ring; undefined as long as nodes may not all have the last one yet, since a second rotation would
   *   leave them two behind (`RotationSchedule.earliest` says when)
   * @throws OverlayError as `poll`
   */
  rotateNow(now: number): KeyRing | undefined {
    return this.#schedule.mayRotate(now) ? this.#rotate(now) : undefined;
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
