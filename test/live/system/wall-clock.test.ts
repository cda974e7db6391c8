import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WallClock } from '../../../src/live/system/wall-clock.js';

const ORIGIN = 1_795_000_000_000;

describe('WallClock', () => {
  test('is as fine as the steady clock, and ignores the rounding of the coarse one', () => {
    let steady = 0;
    const clock = new WallClock({ wall: () => ORIGIN + Math.floor(steady), steady: () => steady }, ORIGIN);
    const times: [number, number][] = [];
    for (steady of [0, 0.25, 999.75, 1000, 1500.5]) {
      clock.read();
      times.push([clock.seconds - ORIGIN / 1000, clock.nanoseconds]);
    }
    assert.deepEqual(times, [
      [0, 0],
      [0, 250_000],
      [0, 999_750_000],
      [1, 0],
      [1, 500_500_000],
    ]);
  });

  test('follows a change of the system clock within a second', () => {
    let steady = 0;
    let set = 0;
    const clock = new WallClock({ wall: () => ORIGIN + steady + set, steady: () => steady }, ORIGIN);
    clock.read();
    set = 3_600_000;
    steady = 1000;
    clock.read();
    assert.equal(clock.seconds, ORIGIN / 1000 + 3601);
  });

  test('shows the system time', () => {
    const clock = new WallClock();
    const before = Date.now();
    clock.read();
    const after = Date.now();
    const time = clock.seconds * 1000 + clock.nanoseconds / 1e6;
    assert.ok(time > before - 200 && time < after + 200, `${time}, between ${before} and ${after}`);
    assert.ok(clock.nanoseconds >= 0 && clock.nanoseconds < 1e9);
  });
});
