/**
 * When a cluster's key ring is rotated. Swarm rotates with a ticker that begins anew whenever the leader changes, so that
 * keys may live much longer than they should (moby/moby issue 52005), and once rotated twice in a row, which put nodes two
 * rings behind and so out of reach (swarmkit issue 1954). Here the phase is kept, and a gap that every node needs is too.
 */
import { OverlayError } from './error.js';

/** What the interval does when another manager becomes the leader. */
export const LeaderChange = {
  /** Begins anew, as Swarm's does: if leaders change often, keys live as long as that goes on. */
  Restart: 'restart',
  /** Goes on: what came due in between is due at once. */
  Keep: 'keep',
} as const;
export type LeaderChange = (typeof LeaderChange)[keyof typeof LeaderChange];

/** How often a ring is rotated. Times are seconds of the caller's clock, whatever that counts from. */
export interface RotationScheduleOptions {
  /** When the ring was made or last rotated. */
  readonly start: number;
  /** Seconds between two rotations, 1 or more; 43,200 (12 hours), as Swarm's, if not said. */
  readonly interval?: number;
  /** Seconds that a rotation comes earlier or later at the most, less than half the interval; 0 if not said. */
  readonly jitter?: number;
  /** A number from 0 to just below 1, drawn once for each rotation; needed with `jitter`. */
  readonly random?: () => number;
  /** `keep` if not said. */
  readonly leaderChange?: LeaderChange;
  /**
   * Seconds between two rotations at the least, in which every node should get its ring: more than 0, at most the
   * interval; 300 if not said, or less where interval and jitter leave less.
   */
  readonly settle?: number;
}

/** Swarm's, in seconds: 12 hours. */
export const ROTATION_INTERVAL = 43_200;
const SETTLE = 300;
/** Clocks beyond it skip whole seconds, and adding an interval could leave them where they are. */
const MAX_TIME = Number.MAX_SAFE_INTEGER;

function check(holds: boolean, rule: string, value: number): void {
  if (!holds) throw new OverlayError('BAD_SCHEDULE', `${rule}, not ${value}`);
}

function checkTime(name: string, time: number): void {
  check(Math.abs(time) <= MAX_TIME, `${name} is a time in seconds between -2^53 and 2^53`, time);
}

/**
 * When the next rotation is due. Ask `due` every now and then, more often than `settle`; rotate if it is, and say so with
 * `rotated`.
 *
 * A clock that jumps back is taken to have stood still: all times of the schedule move back with it, so that keys don't
 * live longer by the jump and no rotation is made twice. A clock that jumps ahead can't be told from a pause: it brings
 * one rotation on, however far it jumps.
 */
export class RotationSchedule {
  readonly #interval: number;
  readonly #jitter: number;
  readonly #random: () => number;
  readonly #leaderChange: LeaderChange;
  readonly #settle: number;
  /** The newest time that the clock showed. */
  #clock: number;
  /** When the last rotation was made. */
  #last: number;
  /** When the next one comes but for jitter: these points keep the phase. */
  #point: number;
  #next: number;

  /** @throws OverlayError `BAD_SCHEDULE` */
  constructor(options: RotationScheduleOptions) {
    const { start, interval = ROTATION_INTERVAL, jitter = 0, random } = options;
    const { leaderChange = LeaderChange.Keep, settle = Math.min(SETTLE, interval - 2 * jitter) } = options;
    checkTime('the start of a schedule', start);
    check(interval >= 1 && interval <= MAX_TIME, 'the interval of rotations is 1 second or more', interval);
    check(
      jitter >= 0 && jitter < interval / 2,
      'the jitter of rotations is from 0 to less than half the interval',
      jitter,
    );
    check(
      settle > 0 && settle <= interval,
      'the gap between rotations is more than 0 and at most the interval',
      settle,
    );
    if (jitter > 0 && random === undefined) {
      throw new OverlayError('BAD_SCHEDULE', 'a schedule with jitter needs a source of random numbers');
    }
    this.#interval = interval;
    this.#jitter = jitter;
    this.#random = random ?? ((): number => 0);
    this.#leaderChange = leaderChange;
    this.#settle = settle;
    this.#clock = start;
    this.#last = start;
    this.#point = start + interval;
    this.#next = this.#drawNext();
  }

  /** When the next rotation is due. */
  get next(): number {
    return this.#next;
  }

  /** The soonest that a rotation may be had on demand: the last one and `settle`. */
  get earliest(): number {
    return this.#last + this.#settle;
  }

  /**
   * Whether a rotation is due: one, however long ago it came due.
   * @param now seconds of the clock
   * @throws OverlayError `BAD_SCHEDULE` if that is no time
   */
  due(now: number): boolean {
    this.#see(now);
    return now >= this.#next;
  }

  /**
   * Whether a rotation on demand leaves every node the time to get its ring. It is no more than advice: `rotated` takes
   * one that comes sooner, since a key that leaked may be worth an outage.
   * @param now seconds of the clock
   * @throws OverlayError `BAD_SCHEDULE` if that is no time
   */
  mayRotate(now: number): boolean {
    this.#see(now);
    return now >= this.earliest;
  }

  /**
   * Takes note that the ring was rotated, because it was due or on demand. One that was due and came late by less than
   * `settle` leaves the phase as it is, if the next point of it is at least `settle` away; after any other the next
   * comes a whole interval from now, but for jitter.
   * @param now seconds of the clock
   * @throws OverlayError `BAD_SCHEDULE` if that is no time
   */
  rotated(now: number): void {
    this.#see(now);
    const late = now - this.#next;
    const point = this.#point + this.#interval;
    const inPhase = late >= 0 && late < this.#settle && point >= now + this.#settle;
    this.#last = now;
    this.#point = inPhase ? point : now + this.#interval;
    this.#next = this.#drawNext();
  }

  /**
   * Takes note that another manager leads.
   * @param now seconds of its clock
   * @throws OverlayError `BAD_SCHEDULE` if that is no time
   */
  leaderChanged(now: number): void {
    this.#see(now);
    if (this.#leaderChange === LeaderChange.Keep) return;
    this.#point = now + this.#interval;
    this.#next = this.#drawNext();
  }

  /** The next point with its jitter: never before the earliest, and never further off than an interval and the jitter. */
  #drawNext(): number {
    if (this.#jitter === 0) return this.#point;
    const drawn = this.#random();
    check(drawn >= 0 && drawn < 1, 'random numbers of a schedule are from 0 to less than 1', drawn);
    const next = Math.max(this.#point + (2 * drawn - 1) * this.#jitter, this.earliest);
    return Math.min(next, this.#clock + this.#interval + this.#jitter);
  }

  /** Moves the schedule back by what the clock did. */
  #see(now: number): void {
    checkTime('the clock of a schedule', now);
    const back = this.#clock - now;
    this.#clock = now;
    if (back <= 0) return;
    this.#last -= back;
    this.#point -= back;
    this.#next -= back;
  }
}
