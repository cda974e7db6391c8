/** Tries targets that couldn't be reached, so that no request has to. */
import type { Socket } from 'node:net';
import type { Target } from './target.js';

/** The earliest and the latest time of a probe, as parts of the time that its target is out. */
const EARLIEST = 0.4;
const SPREAD = 0.4;
/** Most targets that are tried: those beyond come back when their time is over. */
const MAX_PROBED = 4096;

/** How long a probe may take, in milliseconds: no request goes to its target meanwhile. */
const PATIENCE = 2000;

/** Targets that are out, each tried once before its time is over, and not all at once. */
export class TargetProbes {
  readonly #open: (target: Target) => Socket;
  readonly #clock: () => number;
  readonly #random: () => number;
  /** When each is tried next; undefined while it is. */
  readonly #due = new Map<Target, number | undefined>();

  /**
   * @param open begins a connection, whose outcome the target learns (`BackendSockets`)
   * @param clock monotonic, in milliseconds
   * @param random from 0 to 1
   */
  constructor(open: (target: Target) => Socket, clock: () => number, random: () => number = Math.random) {
    this.#open = open;
    this.#clock = clock;
    this.#random = random;
  }

  /** Number of targets that are out. */
  get size(): number {
    return this.#due.size;
  }

  /** Has a target tried that has just failed, later. */
  add(target: Target): void {
    if (target.isLeaving || this.#due.size >= MAX_PROBED || this.#due.has(target)) return;
    const now = this.#clock();
    const left = Math.max(0, target.downUntil - now);
    this.#due.set(target, now + left * (EARLIEST + SPREAD * this.#random()));
  }

  /** Begins the probes whose time has come. */
  sweep(now: number): void {
    for (const [target, due] of this.#due) {
      if (target.isLeaving || target.downUntil === 0) this.#due.delete(target);
      else if (due !== undefined && due <= now) this.#probe(target, now);
    }
  }

  #probe(target: Target, now: number): void {
    this.#due.set(target, undefined);
    target.downUntil = Math.max(target.downUntil, now + PATIENCE);
    const socket = this.#open(target);
    socket.once('connect', () => socket.destroy());
    socket.once('close', () => {
      this.#due.delete(target);
      if (target.downUntil > 0) this.add(target);
    });
  }
}
