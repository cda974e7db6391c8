/** Key rotation in a replay: rings are made by the capture's time, and the nodes' steps are taken one by one between frames. */
import { type KeyRing, type NodeSas, RingRotation, RotationSchedule } from '../overlay/index.js';

/** What the replay does so that a step can be taken. */
export interface RotationPause {
  /** Seals what is held back: no packet may be in a batch between two steps. */
  readonly seal: () => void;
  /** Delivers what is on its way: no packet takes longer than a rotation. */
  readonly deliver: () => void;
}

/** The rotation of the keys of all nodes. */
export class ReplayRotation {
  /** Steps that were taken, of all nodes. */
  steps = 0;
  readonly #rotation: RingRotation;
  readonly #sas: readonly NodeSas[];
  readonly #pause: RotationPause;
  #unsettled = false;

  /**
   * @param ring that the nodes have
   * @param every seconds between two rotations, 1 or more
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

  /** Rotations that were made. */
  get rotations(): number {
    return this.#rotation.rotations;
  }

  /**
   * Lets time pass: called before each frame, it makes a ring if one is due, and takes at most one step.
   * @param now seconds since the first frame
   */
  pass(now: number): void {
    const ring = this.#rotation.poll(now);
    if (ring !== undefined) this.#hand(ring, now);
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

  /** Hands a ring to all nodes, whose steps to the one before are at their end by then. */
  #hand(ring: KeyRing, now: number): void {
    this.#pause.seal();
    this.#pause.deliver();
    for (const sas of this.#sas) {
      this.steps += sas.settle(now);
      sas.update(ring, now);
    }
    this.#unsettled = true;
  }
}
