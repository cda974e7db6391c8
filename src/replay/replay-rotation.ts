/**
 * Key rotation in a replay: rings rotate by the capture's time, and nodes take their steps one by one between frames.
 */
import { type KeyRing, type NodeSas, RingRotation, RotationSchedule } from '../overlay/index.js';

/** What the replay does before a step. */
export interface RotationPause {
  /** Sends held batches: no packet may be in a batch between two steps. */
  readonly seal: () => void;
  /** Delivers packets in transit: no packet takes longer than a rotation. */
  readonly deliver: () => void;
}

/** The rotation of the keys of all nodes. */
export class ReplayRotation {
  /** Steps taken, of all nodes. */
  steps = 0;
  readonly #rotation: RingRotation;
  readonly #sas: readonly NodeSas[];
  readonly #pause: RotationPause;
  #unsettled = false;

  /**
   * @param ring the nodes' first ring
   * @param every rotation interval in seconds, 1 or more
   * @param random fills an array with cryptographic random bytes
   */
  constructor(
    ring: KeyRing,
    every: number,
    random: (bytes: Uint8Array) => void,
    sas: readonly NodeSas[],
    pause: RotationPause,
  ) {
    this.#rotation = new RingRotation(ring, { schedule: new RotationSchedule({ start: 0, interval: every }), random });
    this.#sas = sas;
    this.#pause = pause;
  }

  /** Rotations so far. */
  get rotations(): number {
    return this.#rotation.rotations;
  }

  /**
   * Advances the time. Called before each frame: rotates the ring if it is due, and takes at most one step.
   * @param now seconds since the first frame
   */
  pass(now: number): void {
    const ring = this.#rotation.poll(now);
    if (ring !== undefined) this.#distribute(ring, now);
    if (!this.#unsettled) return;
    this.#pause.seal();
    for (const sas of this.#sas) {
      if (sas.step(now) === undefined) continue;
      this.steps++;
      return;
    }
    this.#unsettled = false;
  }

  /** Wipes the keys. */
  close(): void {
    this.#rotation.close();
  }

  /** Gives a new ring to all nodes, after they have completed the steps to the previous one. */
  #distribute(ring: KeyRing, now: number): void {
    this.#pause.seal();
    this.#pause.deliver();
    for (const sas of this.#sas) {
      this.steps += sas.settle(now);
      sas.update(ring, now);
    }
    this.#unsettled = true;
  }
}
