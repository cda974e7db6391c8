import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  LeaderChange,
  OverlayError,
  RotationSchedule,
  type RotationScheduleOptions,
} from '../../../src/overlay/index.js';
import { SeededRandom } from '../../../src/replay/random.js';

const SEED = 20261121;
const HOUR = 3600;
const HALF_DAY = 12 * HOUR;
const START = 1_800_000_000;

interface Schedule {
  readonly interval: number;
  readonly settle: number;
  readonly jitter: number;
  readonly draws: readonly number[];
}

/** Times of the rotations that a manager performs when polling at the given times. */
function rotations(schedule: RotationSchedule, times: Iterable<number>): number[] {
  const made: number[] = [];
  for (const now of times) {
    if (!schedule.due(now)) continue;
    schedule.rotated(now);
    made.push(now);
  }
  return made;
}

function* every(step: number, from: number, to: number): Generator<number> {
  for (let now = from; now <= to; now += step) yield now;
}

describe('RotationSchedule', () => {
  test('rotates every 12 hours by default, and not a second sooner', () => {
    const schedule = new RotationSchedule({ start: START });
    assert.equal(schedule.next, START + HALF_DAY);
    assert.equal(schedule.due(START + HALF_DAY - 1), false);
    assert.equal(schedule.due(START + HALF_DAY), true);
  });

  test('stays due until the rotation is performed', () => {
    const schedule = new RotationSchedule({ start: 0, interval: 1000 });
    assert.deepEqual([schedule.due(1001), schedule.due(1002), schedule.next], [true, true, 1000]);
    schedule.rotated(1003);
    assert.deepEqual([schedule.due(1003), schedule.next], [false, 2000]);
  });

  test('keeps its phase when polled slightly late', () => {
    const schedule = new RotationSchedule({ start: 0, interval: 1000, settle: 100 });
    assert.deepEqual(rotations(schedule, [999, 1099, 1998, 2001, 3050]), [1099, 2001, 3050]);
    assert.equal(schedule.next, 4000);
  });

  test('starts a new phase when polled late by settle or more', () => {
    const schedule = new RotationSchedule({ start: 0, interval: 1000, settle: 100 });
    assert.deepEqual(rotations(schedule, [1100]), [1100]);
    assert.equal(schedule.next, 2100);
  });

  test('starts a new phase if the next point of the old one would come sooner than settle', () => {
    const schedule = new RotationSchedule({ start: 0, interval: 1000, settle: 600 });
    assert.deepEqual(rotations(schedule, [1401]), [1401]);
    assert.equal(schedule.next, 2401);
  });

  test('performs one rotation after a pause of two days, and the next a whole interval later', () => {
    const schedule = new RotationSchedule({ start: START });
    const woken = START + 2 * 24 * HOUR + 10;
    assert.deepEqual(rotations(schedule, every(1, woken, woken + HALF_DAY)), [woken, woken + HALF_DAY]);
  });

  test('a clock that jumps back counts as stopped: no key lives longer, no rotation is repeated', () => {
    const schedule = new RotationSchedule({ start: START });
    assert.equal(schedule.due(START + HALF_DAY - 60), false);
    const back = START - 5 * HOUR;
    assert.equal(schedule.due(back), false);
    assert.deepEqual([schedule.next, schedule.earliest], [back + 60, back + 60 - HALF_DAY + 300]);
    assert.deepEqual(rotations(schedule, [back + 59, back + 60]), [back + 60]);
    assert.equal(schedule.due(back - HOUR), false);
    assert.equal(schedule.next, back - HOUR + HALF_DAY);
  });

  test('a clock that jumps ahead by any amount triggers one rotation, and none when it jumps back', () => {
    const schedule = new RotationSchedule({ start: START });
    const ahead = START + 10 ** 12;
    assert.deepEqual(rotations(schedule, [START + 1, ahead, ahead + 1, START + 3, START + 4]), [ahead]);
    assert.equal(schedule.next, START + 3 + HALF_DAY - 1);
  });

  test('a start in the future counts as now: the next rotation is at most an interval away', () => {
    const schedule = new RotationSchedule({ start: START + 10 ** 9 });
    assert.equal(schedule.due(START), false);
    assert.equal(schedule.next, START + HALF_DAY);
  });

  test('a leader change keeps the phase, and an overdue rotation is due immediately', () => {
    const schedule = new RotationSchedule({ start: 0, interval: 1000, settle: 100 });
    schedule.leaderChanged(400);
    assert.equal(schedule.next, 1000);
    schedule.leaderChanged(1050);
    assert.deepEqual(rotations(schedule, [1050]), [1050]);
    assert.equal(schedule.next, 2000);
  });

  test('leader changes more frequent than the interval do not prevent rotations', () => {
    const schedule = new RotationSchedule({ start: 0, interval: 1000, settle: 100 });
    const made: number[] = [];
    for (const now of every(50, 0, 10_000)) {
      if (now % 500 === 250) schedule.leaderChanged(now);
      made.push(...rotations(schedule, [now]));
    }
    assert.equal(made.length, 10);
  });

  test('a leader change with restart restarts the interval, as in Swarm: a key may live indefinitely', () => {
    const schedule = new RotationSchedule({ start: 0, interval: 1000, leaderChange: LeaderChange.Restart });
    for (const now of every(900, 900, 90_000)) {
      schedule.leaderChanged(now);
      assert.deepEqual([schedule.next, schedule.due(now)], [now + 1000, false]);
    }
    assert.deepEqual(rotations(schedule, [90_999, 91_000]), [91_000]);
  });

  for (const leaderChange of Object.values(LeaderChange)) {
    test(`a leader whose clock is behind the last rotation waits at most an interval (${leaderChange})`, () => {
      const schedule = new RotationSchedule({ start: START, leaderChange });
      schedule.rotated(START + HALF_DAY);
      schedule.leaderChanged(START - 10 ** 9);
      assert.equal(schedule.next, START - 10 ** 9 + HALF_DAY);
    });
  }

  test('a rotation on demand is allowed settle after the last one, and the next comes a whole interval later', () => {
    const schedule = new RotationSchedule({ start: 0, interval: 1000, settle: 100 });
    assert.deepEqual([schedule.mayRotate(99), schedule.mayRotate(100)], [false, true]);
    schedule.rotated(150);
    assert.deepEqual([schedule.next, schedule.earliest, schedule.mayRotate(249)], [1150, 250, false]);
  });

  test("an early rotation on demand is the caller's decision, though nodes had no time to settle", () => {
    const schedule = new RotationSchedule({ start: 0, interval: 1000, settle: 100 });
    schedule.rotated(10);
    assert.deepEqual([schedule.next, schedule.earliest], [1010, 110]);
  });

  test('settle is 300 seconds, or the interval if that is shorter', () => {
    assert.equal(new RotationSchedule({ start: 0 }).earliest, 300);
    assert.equal(new RotationSchedule({ start: 0, interval: 60 }).earliest, 60);
  });

  test('jitter shifts each rotation individually and keeps the phase', () => {
    const drawn = [0, 0.5, 0.75, 0.25];
    const random = (): number => drawn.shift() ?? assert.fail('drawn more often than there are rotations');
    const schedule = new RotationSchedule({ start: 0, interval: 1000, jitter: 100, settle: 50, random });
    const times: number[] = [];
    while (drawn.length > 0) {
      times.push(schedule.next);
      schedule.rotated(schedule.next);
    }
    assert.deepEqual([...times, schedule.next], [900, 2000, 3050, 3950]);
  });

  test('jitter makes rotations earlier as often as later, also with a short interval', () => {
    for (const [interval, jitter] of [
      [300, 120],
      [1, 0.4],
      [43_200, 21_000],
    ]) {
      const random = new SeededRandom(3);
      const schedule = new RotationSchedule({ start: 0, interval, jitter, random: () => random.word() / 2 ** 32 });
      let now = 0;
      for (let rotation = 0; rotation < 1000; rotation++) {
        now = schedule.next;
        schedule.rotated(now);
      }
      assert.ok(Math.abs(now / 1000 / interval - 1) < 0.01, `every ${now / 1000} s, not ${interval}`);
    }
  });

  test('no key waits longer than an interval plus the jitter', () => {
    const drawn = [0, 0.999];
    const random = (): number => drawn.shift() ?? 0;
    const schedule = new RotationSchedule({ start: 0, interval: 1000, jitter: 100, random });
    schedule.rotated(900);
    assert.equal(schedule.next, 2000);
  });

  test('jitter causes no rotation before settle', () => {
    const drawn = [0.999, 0, 0];
    const random = (): number => drawn.shift() ?? 0;
    const schedule = new RotationSchedule({ start: 0, interval: 1000, jitter: 499, settle: 400, random });
    const first = schedule.next;
    schedule.rotated(first);
    assert.ok(schedule.next >= first + 400, `${first}, then ${schedule.next}`);
  });

  for (const [what, options, message] of [
    ['no start', { start: Number.NaN }, /start of a schedule/],
    ['an infinite start', { start: Infinity }, /start of a schedule/],
    ['an interval of 0', { start: 0, interval: 0 }, /1 second or more, not 0/],
    ['an interval below 0', { start: 0, interval: -5 }, /not -5/],
    ['an infinite interval', { start: 0, interval: Infinity }, /not Infinity/],
    ['an interval that is not a number', { start: 0, interval: Number.NaN }, /not NaN/],
    [
      'jitter of half the interval',
      { start: 0, interval: 100, jitter: 50, random: () => 0 },
      /half the interval, not 50/,
    ],
    ['jitter below 0', { start: 0, jitter: -1, random: () => 0 }, /not -1/],
    ['jitter without random numbers', { start: 0, jitter: 1 }, /needs a source of random numbers/],
    ['random numbers of 1 or more', { start: 0, jitter: 1, random: () => 1 }, /less than 1, not 1/],
    ['a settle of 0', { start: 0, settle: 0 }, /at most the interval, not 0/],
    ['a settle longer than the interval', { start: 0, interval: 100, settle: 101 }, /at most the interval, not 101/],
  ] as [string, RotationScheduleOptions, RegExp][]) {
    test(`is rejected with ${what}`, () => {
      assert.throws(
        () => new RotationSchedule(options),
        (error) => error instanceof OverlayError && error.code === 'BAD_SCHEDULE' && message.test(error.message),
      );
    });
  }

  test('an invalid time is rejected and changes nothing', () => {
    const schedule = new RotationSchedule({ start: 0, interval: 1000 });
    for (const now of [Number.NaN, Infinity, -Infinity, 2 ** 54]) {
      for (const call of ['due', 'mayRotate', 'rotated', 'leaderChanged'] as const) {
        assert.throws(
          () => schedule[call](now),
          (error) => error instanceof OverlayError && error.code === 'BAD_SCHEDULE',
        );
      }
    }
    assert.deepEqual([schedule.next, schedule.earliest], [1000, 300]);
  });

  describe('for any clock', () => {
    /** Hundredths of the interval are whole seconds. */
    const schedulesOf = (longestSettle: number, longestJitter: number): fc.Arbitrary<Schedule> =>
      fc
        .record({
          hundredth: fc.integer({ min: 1, max: 1000 }),
          settle: fc.integer({ min: 2, max: longestSettle }),
          jitter: fc.integer({ min: 0, max: longestJitter }),
          draws: fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 20 }),
        })
        .map(({ hundredth, settle, jitter, draws }) => ({
          interval: 100 * hundredth,
          settle: settle * hundredth,
          jitter: jitter * hundredth,
          draws,
        }));

    function scheduleOf(given: Schedule): RotationSchedule {
      let draw = 0;
      const random = (): number => given.draws[draw++ % given.draws.length] / 1000;
      return new RotationSchedule({ ...given, start: START, random });
    }

    test('that jumps both ways, and with leader changes, no two scheduled rotations are closer than settle', () => {
      const steps = fc.array(
        fc.record({
          step: fc.oneof(
            fc.integer({ min: 0, max: 500 }),
            fc.integer({ min: 0, max: 200_000 }),
            fc.integer({ min: -200_000, max: 0 }),
          ),
          leader: fc.boolean(),
        }),
        { maxLength: 200 },
      );
      fc.assert(
        fc.property(schedulesOf(100, 49), steps, (given, sequence) => {
          const schedule = scheduleOf(given);
          let now = START;
          let elapsed = 0;
          let last = 0;
          for (const { step, leader } of sequence) {
            now += step;
            elapsed += Math.max(0, step);
            if (leader) schedule.leaderChanged(now);
            assert.ok(schedule.due(now) || schedule.next <= now + given.interval + given.jitter + 1e-3);
            if (!schedule.due(now)) continue;
            // Times are fractional where jitter is drawn, and whole when the clock jumps.
            assert.ok(elapsed - last >= given.settle - 1e-3, `${last} then ${elapsed}, settle ${given.settle}`);
            assert.ok(schedule.mayRotate(now));
            schedule.rotated(now);
            assert.ok(!schedule.due(now));
            last = elapsed;
          }
        }),
        { seed: SEED, numRuns: 500 },
      );
    });

    test('that is polled steadily, there is one rotation per interval, near its point', () => {
      fc.assert(
        fc.property(schedulesOf(25, 25), fc.integer({ min: 1, max: 24 }), (given, pace) => {
          const { interval, settle, jitter } = given;
          const step = Math.min((pace * interval) / 100, settle - interval / 100);
          const made = rotations(scheduleOf(given), every(step, START, START + 30 * interval));
          assert.ok(Math.abs(made.length - 30) <= 1, `${made.length} rotations in 30 intervals`);
          for (const [i, now] of made.entries()) {
            const point = START + (i + 1) * interval;
            assert.ok(now >= point - jitter && now < point + jitter + step, `${now} is not about ${point}`);
          }
        }),
        { seed: SEED, numRuns: 300 },
      );
    });
  });
});
