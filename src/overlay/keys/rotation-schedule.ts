/**
 * Schedules the rotations of a cluster's key ring. Swarm uses a ticker that restarts whenever the leader changes, so
 * keys may live much longer than intended (moby/moby issue 52005), and once rotated twice in a row, which left nodes
 * two rings behind and unreachable (swarmkit issue 1954). This schedule keeps its phase, and a minimum gap for
 * distribution.
 */
import { OverlayError } from '../error.js';

/** What happens to the interval on a leader change. */
export const LeaderChange = {
  /** It restarts, as in Swarm: while leaders change often, keys are never rotated. */
  Restart: 'restart',
  /** It continues: a rotation that came due in between is due immediately. */
  Keep: 'keep',
} as const;
export type LeaderChange = (typeof LeaderChange)[keyof typeof LeaderChange];

/** Options of a schedule. Times are in seconds of the caller's clock, with any epoch. */
export interface RotationScheduleOptions {
  /** When the ring was made or last rotated. */
  readonly start: number;
  /**
   * Seconds between two rotations, at least 1.
   * @default 43200 (12 hours, Swarm's)
   */
  readonly interval?: number;
  /**
   * Maximum deviation of a rotation in either direction, in seconds; less than half the interval.
   * @default 0
   */
  readonly jitter?: number;
  /** Returns a number in [0, 1), called once per rotation; required with `jitter`. */
  readonly random?: () => number;
  /**
   * What happens on a leader change.
   * @default LeaderChange.Keep
   */
  readonly leaderChange?: LeaderChange;
  /**
   * Minimum seconds between two rotations, in which every node should get its ring: more than 0, at most the interval.
   * @default 300, or less if interval and jitter leave less
   */
  readonly settle?: number;
}

/** Swarm's interval in seconds: 12 hours. */
export const ROTATION_INTERVAL = 43_200;
const SETTLE = 300;
/** Beyond this, numbers skip whole seconds, and adding an interval might not change them. */
const MAX_TIME = Number.MAX_SAFE_INTEGER;

function check(holds: boolean, rule: string, value: number): void {
  if (!holds) throw new OverlayError('BAD_SCHEDULE', `${rule}, not ${value}`);
}

function checkTime(name: string, time: number): void {
  check(Math.abs(time) <= MAX_TIME, `${name} is a time in seconds between -2^53 and 2^53`, time);
}

/**
 * Determines when the next rotation is due. Call `due` regularly, more often than `settle`; if it returns true, rotate
 * and call `rotated`.
 *
 * A clock that jumps back is treated as if it had stopped: all times of the schedule move back with it, so that keys
 * don't live longer and no rotation is repeated. A forward jump can't be distinguished from a pause: it triggers one
 * rotation, whatever its size.
 * @example
 * import { RotationSchedule } from 'vtep/overlay';
 *
 * const schedule = new RotationSchedule({ start: 0, interval: 3600 });
 * for (let now = 0; now < 86_400; now += 60) {
 *   if (!schedule.due(now)) continue;
 *   schedule.rotated(now);
 *   console.log(`rotated at ${now} s, next at ${schedule.next} s`);
 * }
 */
export class RotationSchedule {
  readonly #interval: number;
  readonly #jitter: number;
  readonly #random: () => number;
  readonly #leaderChange: LeaderChange;
  readonly #settle: number;
  /** The latest time shown by the clock. */
  #clock: number;
  /** Time of the last rotation. */
  #last: number;
  /** Time of the next rotation without jitter: these points keep the phase. */
  #point: number;
  #next: number;

  /** @throws OverlayError `BAD_SCHEDULE` */
  constructor(options: RotationScheduleOptions) {
    const { start, interval = ROTATION_INTERVAL, jitter = 0, random } = options;
    const { leaderChange = LeaderChange.Keep, settle = Math.min(SETTLE, interval - 2 * jitter) } = options;
    checkTime('the start of a schedule', start);
    check(interval >= 1 && interval <= MAX_TIME, 'the rotation interval is 1 second or more', interval);
    check(jitter >= 0 && jitter < interval / 2, 'the rotation jitter is from 0 to less than half the interval', jitter);
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

  /** When the next rotation is due, in seconds of the clock. */
  get next(): number {
    return this.#next;
  }

  /** The earliest time of a rotation on demand, in seconds of the clock: `settle` after the last rotation. */
  get earliest(): number {
    return this.#last + this.#settle;
  }

  /**
   * Whether a rotation is due: only one, however long overdue.
   * @param now seconds of the clock
   * @throws OverlayError `BAD_SCHEDULE` for an invalid time
   */
  due(now: number): boolean {
    this.#observe(now);
    return now >= this.#next;
  }

  /**
   * Whether a rotation on demand leaves every node enough time to get its ring. Advisory: `rotated` accepts an earlier
   * one, since a leaked key may be worth an outage.
   * @param now seconds of the clock
   * @throws OverlayError `BAD_SCHEDULE` for an invalid time
   */
  mayRotate(now: number): boolean {
    this.#observe(now);
    return now >= this.earliest;
  }

  /**
   * Records that the ring was rotated, on schedule or on demand. A scheduled rotation less than `settle` late keeps the
   * phase, if the next point is at least `settle` away; after any other, the next comes one interval from now, plus or
   * minus jitter.
   * @param now seconds of the clock
   * @throws OverlayError `BAD_SCHEDULE` for an invalid time
   */
  rotated(now: number): void {
    this.#observe(now);
    const late = now - this.#next;
    const point = this.#point + this.#interval;
    const inPhase = late >= 0 && late < this.#settle && point >= now + this.#settle;
    this.#last = now;
    this.#point = inPhase ? point : now + this.#interval;
    this.#next = this.#drawNext();
  }

  /**
   * Records a leader change.
   * @param now seconds of the new leader's clock
   * @throws OverlayError `BAD_SCHEDULE` for an invalid time
   */
  leaderChanged(now: number): void {
    this.#observe(now);
    if (this.#leaderChange === LeaderChange.Keep) return;
    this.#point = now + this.#interval;
    this.#next = this.#drawNext();
  }

  /** The next point with jitter: never before the earliest time, and at most an interval plus jitter away. */
  #drawNext(): number {
    if (this.#jitter === 0) return this.#point;
    const drawn = this.#random();
    check(drawn >= 0 && drawn < 1, 'random numbers of a schedule are from 0 to less than 1', drawn);
    const next = Math.max(this.#point + (2 * drawn - 1) * this.#jitter, this.earliest);
    return Math.min(next, this.#clock + this.#interval + this.#jitter);
  }

  /** Moves the schedule back along with the clock. */
  #observe(now: number): void {
    checkTime('the clock of a schedule', now);
    const back = this.#clock - now;
    this.#clock = now;
    if (back <= 0) return;
    this.#last -= back;
    this.#point -= back;
    this.#next -= back;
  }
}
