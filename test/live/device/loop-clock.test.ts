import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LoopClock } from '../../../src/live/device/loop-clock.js';

describe('LoopClock', () => {
  test('counts from the first packet, and each round from the end of the previous one', () => {
    const clock = new LoopClock();
    const times: string[] = [];
    for (let round = 0; round < 3; round++) {
      clock.begin();
      for (const [seconds, nanoseconds] of [
        [1_795_000_000, 999_999_999],
        [1_795_000_001, 0],
        [1_795_000_003, 500_000_000],
      ]) {
        clock.at(seconds, nanoseconds);
        times.push(`${clock.seconds}.${String(clock.nanoseconds).padStart(9, '0')}`);
      }
    }
    assert.deepEqual(times, [
      '0.000000000',
      '0.000000001',
      '2.500000001',
      '2.500000001',
      '2.500000002',
      '5.000000002',
      '5.000000002',
      '5.000000003',
      '7.500000003',
    ]);
  });

  test('never goes backwards: an older packet, or one without a time, gets the time of the previous one', () => {
    const clock = new LoopClock();
    clock.begin();
    clock.timeless();
    assert.deepEqual([clock.seconds, clock.nanoseconds], [0, 0]);
    clock.at(100, 0);
    clock.at(107, 5);
    clock.at(99, 0);
    assert.deepEqual([clock.seconds, clock.nanoseconds], [7, 5]);
    clock.timeless();
    assert.deepEqual([clock.seconds, clock.nanoseconds], [7, 5]);
  });
});
