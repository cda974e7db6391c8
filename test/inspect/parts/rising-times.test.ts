/** The times of a file's packets tell how many are older than a time before the file. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { backwardsAfter, endsAt, RisingTimes } from '../../../src/inspect/parts/rising-times.js';

type Time = readonly [seconds: number, nanoseconds: number];

function partOf(times: readonly Time[]): ReturnType<RisingTimes['part']> {
  const rising = new RisingTimes();
  for (const [seconds, nanoseconds] of times) rising.add(seconds, nanoseconds);
  return rising.part();
}

/** How many times are older than an earlier one, one by one. */
function backwards(times: readonly Time[]): number {
  let latest: Time = [Number.NaN, 0];
  let count = 0;
  for (const time of times) {
    const isOlder = time[0] < latest[0] || (time[0] === latest[0] && time[1] < latest[1]);
    if (isOlder) count++;
    else latest = time;
  }
  return count;
}

describe('RisingTimes', () => {
  const times: readonly Time[] = [
    [1_700_000_000, 5],
    [1_700_000_000, 5],
    [1_699_999_999, 999_999_999],
    [1_700_000_000, 999_999_999],
    [1_700_000_001, 0],
    [18_446_744_072, 999_999_999],
    [0, 0],
    [18_446_744_072, 999_999_999],
  ];

  test('count the packets that are older than an earlier one of their file or of those before it', () => {
    const part = partOf(times);
    assert.equal(backwardsAfter(part, Number.NaN, 0), backwards(times));
    for (const [seconds, nanoseconds] of times) {
      for (const before of [-1, 0, 1]) {
        const latest: Time = [seconds, Math.max(0, nanoseconds + before)];
        assert.equal(backwardsAfter(part, ...latest), backwards([latest, ...times]), latest.join());
      }
    }
  });

  test('end at the latest time', () => {
    const part = partOf(times);
    assert.equal(endsAt(part, times.length, 18_446_744_072, 999_999_999), true);
    assert.equal(endsAt(part, times.length - 1, 18_446_744_072, 999_999_999), false, 'more times than packets');
    assert.equal(endsAt(part, times.length, 18_446_744_072, 5), false);
    assert.equal(endsAt(partOf([]), 3, Number.NaN, 0), true);
    assert.equal(endsAt(partOf([]), 3, 5, 0), false);
  });

  test('of any bytes end', () => {
    for (const byte of [0, 1, 127, 128, 255]) {
      const part = { backwards: 0, steps: new Uint8Array(1000).fill(byte) };
      assert.ok(backwardsAfter(part, 5, 0) >= 0);
    }
  });
});
